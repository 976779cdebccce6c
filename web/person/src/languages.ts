/** The languages of the page, and what the page says beside the element. */
export const LANGUAGES: Readonly<Record<string, { readonly name: string; readonly title: string; readonly switch: string }>> = {
  en: { name: "English", title: "Your identity check", switch: "Language" },
  fr: { name: "Français", title: "Votre vérification d’identité", switch: "Langue" },
  de: { name: "Deutsch", title: "Ihre Identitätsprüfung", switch: "Sprache" },
  es: { name: "Español", title: "Su verificación de identidad", switch: "Idioma" },
  it: { name: "Italiano", title: "La sua verifica d’identità", switch: "Lingua" },
};

/** The first of the requested languages that the page has; English if it has none of them. */
export function languageOf(requested: readonly string[]): string {
  return requested.map((locale) => locale.slice(0, 2)).find((language) => language in LANGUAGES) ?? "en";
}
