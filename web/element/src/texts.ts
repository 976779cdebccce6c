/** The texts of the element in one language. A name in braces, such as `{time}`, is replaced by a value. */
export interface Texts {
  readonly loading: string;
  readonly preparing: string;
  readonly preparingLead: string;
  readonly ready: string;
  readonly readyLead: string;
  readonly tips: readonly (readonly [title: string, text: string])[];
  readonly start: string;
  readonly until: string;
  readonly opened: string;
  readonly openedLead: string;
  readonly recording: string;
  readonly recordingLead: string;
  readonly proceed: string;
  readonly beginBy: string;
  readonly checking: string;
  readonly checkingLead: string;
  readonly checkingNote: string;
  /** The second step as long as it is not done. */
  readonly record: string;
  readonly steps: readonly [opened: string, recorded: string, checking: string, result: string];
  /** The third step once it is done. */
  readonly checked: string;
  readonly again: string;
  readonly againLead: string;
  readonly againLeadWithAdvice: string;
  readonly tryAgain: string;
  readonly verified: string;
  readonly verifiedLead: string;
  readonly verifiedNote: string;
  readonly back: string;
  readonly over: string;
  readonly overLead: string;
  readonly overAdvice: string;
  readonly expired: string;
  readonly expiredLead: string;
  readonly missing: string;
  readonly missingLead: string;
  readonly offline: string;
  readonly retrying: string;
  readonly lastNews: string;
}

export const TEXTS: Readonly<Record<string, Texts>> = {
  en: {
    loading: "One moment…",
    preparing: "We are preparing your check",
    preparingLead: "Your link appears here in a moment.",
    ready: "Ready when you are",
    readyLead: "A short video, and you are done. It takes about three minutes.",
    tips: [
      ["Your identity document", "The original, not a photo or a copy."],
      ["A bright, quiet place", "With the light in front of you."],
      ["Three minutes", "Once you begin, do it in one go."],
    ],
    start: "Start the video check",
    until: "Any time until {time}.",
    opened: "Your video check is open",
    openedLead: "Please begin to record. If you closed the window, go on from here.",
    recording: "You are recording your video",
    recordingLead: "If you closed the window, go on from here.",
    proceed: "Go on with the video check",
    beginBy: "Please begin before {time}.",
    checking: "We are checking your video",
    checkingLead: "Your video has arrived. You don’t need to do anything.",
    checkingNote: "Keep this page open if you like: it changes by itself.",
    record: "Record your video",
    steps: ["You opened the link", "You recorded your video", "We are checking it", "Your result"],
    checked: "We checked it",
    again: "Let’s try once more",
    againLead: "We couldn’t complete your check the last time.",
    againLeadWithAdvice: "We couldn’t complete your check the last time. This will help:",
    tryAgain: "Try again",
    verified: "You’re verified",
    verifiedLead: "Thank you. That’s all we needed; there is nothing more to do here.",
    verifiedNote: "Verified on {time}. You can close this page.",
    back: "Back to {host}",
    over: "This check has ended",
    overLead: "You will hear what comes next.",
    overAdvice: "Good to know:",
    expired: "Please open your link again",
    expiredLead: "To protect you, this page stops showing your check after a while. The link that you received opens it again.",
    missing: "This check is not here any more",
    missingLead: "If you expected to find it, please use the link that you received last.",
    offline: "No connection.",
    retrying: "Trying again in {seconds} s.",
    lastNews: "Last news: {time}. We’ll catch up by ourselves.",
  },
  fr: {
    loading: "Un instant…",
    preparing: "Nous préparons votre vérification",
    preparingLead: "Votre lien s’affiche ici dans un instant.",
    ready: "Quand vous voulez",
    readyLead: "Une courte vidéo suffit. Comptez environ trois minutes.",
    tips: [
      ["Votre pièce d’identité", "L’original, pas une photo ni une copie."],
      ["Un endroit clair et calme", "Avec la lumière face à vous."],
      ["Trois minutes", "Une fois commencé, allez jusqu’au bout."],
    ],
    start: "Commencer la vidéo",
    until: "Possible jusqu’au {time}.",
    opened: "Votre vérification vidéo est ouverte",
    openedLead: "Commencez l’enregistrement. Si vous avez fermé la fenêtre, reprenez ici.",
    recording: "Vous enregistrez votre vidéo",
    recordingLead: "Si vous avez fermé la fenêtre, reprenez ici.",
    proceed: "Reprendre la vidéo",
    beginBy: "Commencez avant le {time}.",
    checking: "Nous vérifions votre vidéo",
    checkingLead: "Votre vidéo est bien arrivée. Vous n’avez rien à faire.",
    checkingNote: "Vous pouvez laisser cette page ouverte : elle se met à jour toute seule.",
    record: "Enregistrer votre vidéo",
    steps: ["Vous avez ouvert le lien", "Vous avez enregistré votre vidéo", "Nous la vérifions", "Votre résultat"],
    checked: "Nous l’avons vérifiée",
    again: "Essayons encore une fois",
    againLead: "La dernière vérification n’a pas pu aboutir.",
    againLeadWithAdvice: "La dernière vérification n’a pas pu aboutir. Voici ce qui aide :",
    tryAgain: "Réessayer",
    verified: "Votre identité est vérifiée",
    verifiedLead: "Merci, c’est tout ce qu’il nous fallait. Vous n’avez plus rien à faire ici.",
    verifiedNote: "Vérifiée le {time}. Vous pouvez fermer cette page.",
    back: "Retour à {host}",
    over: "Cette vérification est terminée",
    overLead: "La suite vous sera communiquée.",
    overAdvice: "Bon à savoir :",
    expired: "Veuillez rouvrir votre lien",
    expiredLead: "Pour vous protéger, cette page cesse d’afficher votre vérification au bout d’un moment. Le lien que vous avez reçu la rouvre.",
    missing: "Cette vérification n’est plus ici",
    missingLead: "Si vous pensiez la trouver, utilisez le dernier lien que vous avez reçu.",
    offline: "Pas de connexion.",
    retrying: "Nouvel essai dans {seconds} s.",
    lastNews: "Dernières nouvelles le {time}. La page se mettra à jour toute seule.",
  },
  de: {
    loading: "Einen Moment…",
    preparing: "Wir bereiten Ihre Prüfung vor",
    preparingLead: "Ihr Link erscheint hier gleich.",
    ready: "Bereit, wenn Sie es sind",
    readyLead: "Ein kurzes Video genügt. Es dauert etwa drei Minuten.",
    tips: [
      ["Ihr Ausweisdokument", "Das Original, kein Foto und keine Kopie."],
      ["Ein heller, ruhiger Ort", "Mit dem Licht vor Ihnen."],
      ["Drei Minuten", "Einmal begonnen, bitte in einem Zug."],
    ],
    start: "Video-Prüfung starten",
    until: "Jederzeit bis {time}.",
    opened: "Ihre Video-Prüfung ist geöffnet",
    openedLead: "Bitte beginnen Sie mit der Aufnahme. Falls Sie das Fenster geschlossen haben, geht es hier weiter.",
    recording: "Sie nehmen Ihr Video auf",
    recordingLead: "Falls Sie das Fenster geschlossen haben, geht es hier weiter.",
    proceed: "Video-Prüfung fortsetzen",
    beginBy: "Bitte beginnen Sie vor {time}.",
    checking: "Wir prüfen Ihr Video",
    checkingLead: "Ihr Video ist angekommen. Sie müssen nichts tun.",
    checkingNote: "Sie können diese Seite offen lassen: Sie ändert sich von selbst.",
    record: "Ihr Video aufnehmen",
    steps: ["Sie haben den Link geöffnet", "Sie haben Ihr Video aufgenommen", "Wir prüfen es", "Ihr Ergebnis"],
    checked: "Wir haben es geprüft",
    again: "Versuchen wir es noch einmal",
    againLead: "Beim letzten Mal konnten wir die Prüfung nicht abschließen.",
    againLeadWithAdvice: "Beim letzten Mal konnten wir die Prüfung nicht abschließen. Das hilft:",
    tryAgain: "Noch einmal versuchen",
    verified: "Ihre Identität ist bestätigt",
    verifiedLead: "Vielen Dank. Mehr brauchen wir nicht; hier ist nichts mehr zu tun.",
    verifiedNote: "Bestätigt am {time}. Sie können diese Seite schließen.",
    back: "Zurück zu {host}",
    over: "Diese Prüfung ist beendet",
    overLead: "Sie erfahren, wie es weitergeht.",
    overAdvice: "Gut zu wissen:",
    expired: "Bitte öffnen Sie Ihren Link noch einmal",
    expiredLead: "Zu Ihrem Schutz zeigt diese Seite Ihre Prüfung nur für eine gewisse Zeit. Der Link, den Sie erhalten haben, öffnet sie wieder.",
    missing: "Diese Prüfung ist nicht mehr hier",
    missingLead: "Falls Sie sie erwartet haben, nutzen Sie bitte den Link, den Sie zuletzt erhalten haben.",
    offline: "Keine Verbindung.",
    retrying: "Nächster Versuch in {seconds} s.",
    lastNews: "Letzter Stand: {time}. Wir holen alles von selbst nach.",
  },
  es: {
    loading: "Un momento…",
    preparing: "Estamos preparando su verificación",
    preparingLead: "Su enlace aparecerá aquí en un momento.",
    ready: "Cuando usted quiera",
    readyLead: "Basta un vídeo corto. Tarda unos tres minutos.",
    tips: [
      ["Su documento de identidad", "El original, no una foto ni una copia."],
      ["Un lugar claro y tranquilo", "Con la luz delante de usted."],
      ["Tres minutos", "Una vez que empiece, hágalo de una vez."],
    ],
    start: "Empezar el vídeo",
    until: "En cualquier momento hasta el {time}.",
    opened: "Su verificación por vídeo está abierta",
    openedLead: "Empiece a grabar. Si cerró la ventana, continúe desde aquí.",
    recording: "Está grabando su vídeo",
    recordingLead: "Si cerró la ventana, continúe desde aquí.",
    proceed: "Continuar con el vídeo",
    beginBy: "Empiece antes del {time}.",
    checking: "Estamos comprobando su vídeo",
    checkingLead: "Su vídeo ha llegado. No tiene que hacer nada.",
    checkingNote: "Puede dejar esta página abierta: cambia sola.",
    record: "Grabar su vídeo",
    steps: ["Ha abierto el enlace", "Ha grabado su vídeo", "Lo estamos comprobando", "Su resultado"],
    checked: "Lo hemos comprobado",
    again: "Probemos una vez más",
    againLead: "La última vez no pudimos completar su verificación.",
    againLeadWithAdvice: "La última vez no pudimos completar su verificación. Esto ayuda:",
    tryAgain: "Volver a intentarlo",
    verified: "Su identidad está verificada",
    verifiedLead: "Gracias. Es todo lo que necesitábamos; no tiene que hacer nada más.",
    verifiedNote: "Verificada el {time}. Puede cerrar esta página.",
    back: "Volver a {host}",
    over: "Esta verificación ha terminado",
    overLead: "Le informarán de los próximos pasos.",
    overAdvice: "Conviene saber:",
    expired: "Vuelva a abrir su enlace",
    expiredLead: "Para protegerle, esta página deja de mostrar su verificación al cabo de un tiempo. El enlace que recibió la abre de nuevo.",
    missing: "Esta verificación ya no está aquí",
    missingLead: "Si esperaba encontrarla, utilice el último enlace que recibió.",
    offline: "Sin conexión.",
    retrying: "Nuevo intento en {seconds} s.",
    lastNews: "Últimas noticias: {time}. La página se pondrá al día sola.",
  },
  it: {
    loading: "Un momento…",
    preparing: "Stiamo preparando la verifica",
    preparingLead: "Il link apparirà qui tra un momento.",
    ready: "Quando vuole",
    readyLead: "Basta un breve video. Ci vogliono circa tre minuti.",
    tips: [
      ["Il documento d’identità", "L’originale, non una foto o una copia."],
      ["Un luogo luminoso e tranquillo", "Con la luce davanti a sé."],
      ["Tre minuti", "Una volta iniziato, lo faccia in una volta sola."],
    ],
    start: "Iniziare il video",
    until: "In qualsiasi momento fino al {time}.",
    opened: "La verifica video è aperta",
    openedLead: "Inizi a registrare. Se ha chiuso la finestra, continui da qui.",
    recording: "Sta registrando il video",
    recordingLead: "Se ha chiuso la finestra, continui da qui.",
    proceed: "Continuare con il video",
    beginBy: "Inizi prima del {time}.",
    checking: "Stiamo controllando il video",
    checkingLead: "Il video è arrivato. Non deve fare nulla.",
    checkingNote: "Può lasciare aperta questa pagina: si aggiorna da sola.",
    record: "Registrare il video",
    steps: ["Ha aperto il link", "Ha registrato il video", "Lo stiamo controllando", "Il risultato"],
    checked: "Lo abbiamo controllato",
    again: "Proviamo ancora una volta",
    againLead: "L’ultima volta non siamo riusciti a completare la verifica.",
    againLeadWithAdvice: "L’ultima volta non siamo riusciti a completare la verifica. Questo aiuta:",
    tryAgain: "Riprovare",
    verified: "La sua identità è verificata",
    verifiedLead: "Grazie. È tutto ciò che ci serviva; non deve fare altro.",
    verifiedNote: "Verificata il {time}. Può chiudere questa pagina.",
    back: "Torna a {host}",
    over: "Questa verifica è terminata",
    overLead: "Riceverà informazioni sui prossimi passi.",
    overAdvice: "Buono a sapersi:",
    expired: "Apra di nuovo il link",
    expiredLead: "Per proteggerla, dopo un po’ questa pagina smette di mostrare la verifica. Il link che ha ricevuto la riapre.",
    missing: "Questa verifica non è più qui",
    missingLead: "Se si aspettava di trovarla, usi l’ultimo link che ha ricevuto.",
    offline: "Nessuna connessione.",
    retrying: "Nuovo tentativo tra {seconds} s.",
    lastNews: "Ultime notizie: {time}. La pagina si aggiornerà da sola.",
  },
};

/** The first of the requested languages that TEXTS contains; English if it contains none. */
export function languageOf(requested: readonly string[]): string {
  return requested.map((locale) => locale.slice(0, 2).toLowerCase()).find((language) => language in TEXTS) ?? "en";
}
