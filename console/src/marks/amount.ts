/** Money and numbers as a person checks them: grouped, exact, never through floating point. */

const INDIAN = new Set(["INR", "PKR", "BDT", "NPR", "LKR"]);

/** Group the digits of a decimal string; Indian currencies in lakh and crore. Leaves what is not a number alone. */
export function groupDigits(value: string, currency?: string | null): string {
  const match = /^([+-]?)(\d+)(\.\d+)?$/.exec(value.trim());
  if (!match) return value;
  const [, sign = "", whole = "", rest = ""] = match;
  const pattern = currency && INDIAN.has(currency) ? /\B(?=(\d\d)*\d{3}$)/g : /\B(?=(\d{3})+$)/g;
  return sign + whole.replace(pattern, ",") + rest;
}

export function money(value: string, currency: string | null | undefined): string {
  return currency ? `${currency} ${groupDigits(value, currency)}` : groupDigits(value);
}

export const percent = (share: number, digits = 1): string => `${(share * 100).toFixed(digits)} %`;
