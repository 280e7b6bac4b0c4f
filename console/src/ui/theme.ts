/** Dark, light, or as the system says; set on the root before the first paint. */
export type Theme = "system" | "light" | "dark";

const STORE = "handrail.theme";

export function readTheme(): Theme {
  const saved = localStorage.getItem(STORE);
  return saved === "light" || saved === "dark" ? saved : "system";
}

export function applyTheme(theme: Theme): void {
  if (theme === "system") {
    localStorage.removeItem(STORE);
    delete document.documentElement.dataset.theme;
  } else {
    localStorage.setItem(STORE, theme);
    document.documentElement.dataset.theme = theme;
  }
}
