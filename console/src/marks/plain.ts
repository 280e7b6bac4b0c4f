/** What the server says, with its times and ids as a person reads them. */
import { clockTime } from "./time";

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g;
const CASE = /\bcase [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;

export const plain = (text: string): string => text.replaceAll(TIME, (at) => clockTime(at)).replaceAll(CASE, "this case");
