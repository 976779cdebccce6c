"""The texts of the individual's pages, in all languages. They contain plain words only: no codes, no statuses, no names of companies."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PageTexts:
    """The texts of one state of the page. `action`: the text of its button; `{host}` stands for the host of the integrator's website."""

    title: str
    lead: str
    action: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class PersonTexts:
    """The texts of all states of the page in one language. `tips`: what the individual needs, each with an explanation."""

    header: str
    ready: PageTexts
    preparing: PageTexts
    ended: PageTexts
    unavailable: PageTexts
    tips: tuple[tuple[str, str], ...]


PERSON_TEXTS = {
    "en": PersonTexts(
        header="Your identity check",
        ready=PageTexts(
            "Ready when you are",
            "You are about to verify your identity by video. You need two things:",
            "Start the verification",
            "One moment, we are taking you there…",
        ),
        preparing=PageTexts("One moment, please", "Your verification is being prepared. This page continues by itself."),
        ended=PageTexts(
            "This link is no longer valid",
            "It has expired, or the verification is already complete. The company that sent you the link will let you know how to go on.",
            "Back to {host}",
        ),
        unavailable=PageTexts(
            "Please try again in a moment", "We can’t continue right now. This page tries again by itself every few seconds.", "Try again"
        ),
        tips=(
            ("Your identity document", "The document itself, not a photo or a copy."),
            ("A device with a camera", "A phone works well. Find a bright place."),
        ),
    ),
    "fr": PersonTexts(
        header="Votre vérification d’identité",
        ready=PageTexts(
            "Vous pouvez commencer",
            "Vous allez vérifier votre identité par vidéo. Il vous faut deux choses :",
            "Commencer la vérification",
            "Un instant, nous vous y emmenons…",
        ),
        preparing=PageTexts("Un instant, s’il vous plaît", "Votre vérification est en préparation. Cette page continue toute seule."),
        ended=PageTexts(
            "Ce lien n’est plus valable",
            "Il a expiré, ou la vérification est déjà terminée. L’entreprise qui vous a envoyé le lien vous indiquera la suite.",
            "Retour à {host}",
        ),
        unavailable=PageTexts(
            "Réessayez dans un instant",
            "Nous ne pouvons pas continuer pour le moment. Cette page réessaie toute seule, toutes les quelques secondes.",
            "Réessayer",
        ),
        tips=(
            ("Votre pièce d’identité", "L’original, pas une photo ni une copie."),
            ("Un appareil avec caméra", "Un téléphone convient bien. Choisissez un endroit bien éclairé."),
        ),
    ),
    "de": PersonTexts(
        header="Ihre Identitätsprüfung",
        ready=PageTexts(
            "Sie können beginnen",
            "Gleich bestätigen Sie Ihre Identität per Video. Sie brauchen dafür zwei Dinge:",
            "Prüfung beginnen",
            "Einen Moment, es geht gleich weiter …",
        ),
        preparing=PageTexts("Einen Moment, bitte", "Ihre Prüfung wird vorbereitet. Diese Seite macht von selbst weiter."),
        ended=PageTexts(
            "Dieser Link ist nicht mehr gültig",
            "Er ist abgelaufen, oder die Prüfung ist schon abgeschlossen. Das Unternehmen, von dem der Link kommt, sagt Ihnen, wie es weitergeht.",
            "Zurück zu {host}",
        ),
        unavailable=PageTexts(
            "Bitte versuchen Sie es gleich noch einmal",
            "Im Moment geht es nicht weiter. Diese Seite versucht es alle paar Sekunden von selbst.",
            "Noch einmal versuchen",
        ),
        tips=(
            ("Ihr Ausweisdokument", "Das Original, kein Foto und keine Kopie."),
            ("Ein Gerät mit Kamera", "Ein Smartphone eignet sich gut. Suchen Sie einen hellen Ort."),
        ),
    ),
    "es": PersonTexts(
        header="Su verificación de identidad",
        ready=PageTexts(
            "Ya puede empezar",
            "Va a verificar su identidad por vídeo. Necesita dos cosas:",
            "Empezar la verificación",
            "Un momento, le llevamos allí…",
        ),
        preparing=PageTexts("Un momento, por favor", "Su verificación se está preparando. Esta página continúa por sí sola."),
        ended=PageTexts(
            "Este enlace ya no es válido",
            "Ha caducado o la verificación ya ha terminado. La empresa que le envió el enlace le indicará cómo continuar.",
            "Volver a {host}",
        ),
        unavailable=PageTexts(
            "Inténtelo de nuevo en un momento",
            "Ahora mismo no podemos continuar. Esta página lo intenta de nuevo por sí sola cada pocos segundos.",
            "Intentar de nuevo",
        ),
        tips=(
            ("Su documento de identidad", "El original, no una foto ni una copia."),
            ("Un dispositivo con cámara", "Un teléfono sirve bien. Busque un lugar con buena luz."),
        ),
    ),
    "it": PersonTexts(
        header="La sua verifica dell’identità",
        ready=PageTexts(
            "Può iniziare",
            "Sta per verificare la sua identità tramite video. Le servono due cose:",
            "Inizia la verifica",
            "Un momento, la stiamo portando lì…",
        ),
        preparing=PageTexts("Un momento, per favore", "La sua verifica è in preparazione. Questa pagina prosegue da sola."),
        ended=PageTexts(
            "Questo link non è più valido",
            "È scaduto oppure la verifica è già conclusa. L’azienda che le ha inviato il link le dirà come proseguire.",
            "Torna a {host}",
        ),
        unavailable=PageTexts(
            "Riprovi tra un momento",
            "Al momento non possiamo proseguire. Questa pagina riprova da sola ogni pochi secondi.",
            "Riprova",
        ),
        tips=(
            ("Il suo documento d’identità", "L’originale, non una foto né una copia."),
            ("Un dispositivo con fotocamera", "Un telefono va benissimo. Scelga un luogo luminoso."),
        ),
    ),
}
