"""How word tables are written down: words between blanks, phrases between bars."""


def spaced(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


def barred(text: str) -> list[str]:
    """The phrases between bars; line ends in the text do not count."""
    return text.replace("\n", "").strip("|").split("|")


def listed(text: str) -> list[str]:
    """The phrases between commas; a line end counts as a blank."""
    return [phrase.strip() for phrase in text.replace("\n", " ").split(",")]
