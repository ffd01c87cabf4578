"""The prose of ``europe_facts`` in the languages of the shipped translations."""

from __future__ import annotations

from typing import Any

_KEYS = (
    "summary", "awareness_reasons", "other_authorities", "consequences", "mitigation", "advice", "measures_planned",
    "grounds", "categories_text",
)  # fmt: skip
_TEXTS = {
    "de": (
        "Jemand meldete sich mit einem gestohlenen Passwort am Postfach unserer Kundenbetreuung an und las Nachrichten.",
        "Der Inhalt des Postfachs wurde in der Nacht nach der Entdeckung untersucht.",
        "CNIL (Frankreich)",
        "Fremde können sich mit demselben Passwort bei anderen Konten anmelden oder in unserem Namen schreiben.",
        "Passwörter wurden zurückgesetzt und Sitzungen beendet.\nAb jetzt ist ein zweiter Faktor nötig.",
        "Ändern Sie das Passwort überall, wo Sie es verwendet haben.",
        "Hardware-Schlüssel für alle Beschäftigten bis 15. Januar 2027.",
        "Fremde lasen Passwörter und Kontaktdaten vieler Personen.",
        "Namen und Gehälter des Jahres 2025",
    ),
    "fr": (
        "Quelqu’un s’est connecté à la messagerie de notre service clients avec un mot de passe volé et a lu des messages.",
        "Le contenu de la messagerie a été examiné pendant la nuit qui a suivi la détection.",
        "CNIL (France)",
        "Des inconnus peuvent se connecter à d’autres comptes avec le même mot de passe, ou écrire en notre nom.",
        "Les mots de passe ont été réinitialisés et les sessions fermées.\nUn second facteur est désormais demandé.",
        "Changez le mot de passe partout où vous l’avez utilisé.",
        "Clés matérielles pour tout le personnel d’ici au 15 janvier 2027.",
        "Des inconnus ont lu les mots de passe et les coordonnées de nombreuses personnes.",
        "Noms et salaires de l’année 2025",
    ),
    "es": (
        "Alguien accedió al buzón de nuestro servicio de atención con una contraseña robada y leyó mensajes.",
        "El contenido del buzón se examinó durante la noche posterior a la detección.",
        "CNIL (Francia)",
        "Terceros pueden acceder a otras cuentas con la misma contraseña o escribir en nuestro nombre.",
        "Se restablecieron las contraseñas y se cerraron las sesiones.\nDesde ahora se pide un segundo factor.",
        "Cambie la contraseña en todos los lugares donde la haya usado.",
        "Llaves físicas para todo el personal antes del 15 de enero de 2027.",
        "Terceros leyeron contraseñas y datos de contacto de muchas personas.",
        "Nombres y salarios del año 2025",
    ),
    "nl": (
        "Iemand logde met een gestolen wachtwoord in op de mailbox van onze klantenservice en las berichten.",
        "De inhoud van de mailbox is in de nacht na de ontdekking onderzocht.",
        "CNIL (Frankrijk)",
        "Onbekenden kunnen met hetzelfde wachtwoord op andere accounts inloggen of namens ons schrijven.",
        "Wachtwoorden zijn opnieuw ingesteld en sessies beëindigd.\nVanaf nu wordt een tweede factor gevraagd.",
        "Wijzig het wachtwoord overal waar u het hebt gebruikt.",
        "Fysieke sleutels voor alle medewerkers vóór 15 januari 2027.",
        "Onbekenden hebben wachtwoorden en contactgegevens van veel personen gelezen.",
        "Namen en salarissen over het jaar 2025",
    ),
    "it": (
        "Qualcuno ha effettuato l’accesso alla casella del nostro servizio clienti con una password rubata e ha letto messaggi.",
        "Il contenuto della casella è stato esaminato nella notte successiva al rilevamento.",
        "CNIL (Francia)",
        "Estranei possono accedere ad altri account con la stessa password o scrivere a nostro nome.",
        "Le password sono state reimpostate e le sessioni chiuse.\nD’ora in poi è richiesto un secondo fattore.",
        "Cambi la password ovunque l’abbia utilizzata.",
        "Chiavi fisiche per tutto il personale entro il 15 gennaio 2027.",
        "Estranei hanno letto le password e i dati di contatto di molte persone.",
        "Nomi e retribuzioni dell’anno 2025",
    ),
    "pl": (
        "Ktoś zalogował się skradzionym hasłem do skrzynki naszego działu obsługi i czytał wiadomości.",
        "Zawartość skrzynki zbadano w nocy po wykryciu zdarzenia.",
        "CNIL (Francja)",
        "Obce osoby mogą zalogować się tym samym hasłem do innych kont lub pisać w naszym imieniu.",
        "Hasła zresetowano, a sesje zakończono.\nOd teraz wymagany jest drugi składnik.",
        "Prosimy zmienić hasło wszędzie tam, gdzie było używane.",
        "Klucze sprzętowe dla wszystkich pracowników do 15 stycznia 2027 r.",
        "Obce osoby przeczytały hasła i dane kontaktowe wielu osób.",
        "Imiona, nazwiska i wynagrodzenia za rok 2025",
    ),
}  # fmt: skip


def translations() -> dict[str, Any]:
    """Return the texts of every language as facts."""
    return {language: _nested(dict(zip(_KEYS, texts, strict=True))) for language, texts in _TEXTS.items()}


def _nested(text: dict[str, str]) -> dict[str, Any]:
    return {
        "incident": {key: text[key] for key in ("summary", "awareness_reasons", "other_authorities")},
        "risk": {
            **{key: text[key] for key in ("consequences", "mitigation", "advice", "measures_planned")},
            "harm_assessment": {"grounds": text["grounds"]},
        },
        "populations": {"staff": {"data": {"categories_text": text["categories_text"]}}},
    }
