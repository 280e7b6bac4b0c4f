/** The words in use. One language so far; the keys are the seam for more. */
import { en } from "./en";

export const t = en;
