"""Sets of characters for the validation of texts, as regular expressions over code points.

The ranges are written out, so that two interpreters with different Unicode tables accept the same texts. `str.isprintable`, `str.strip`,
`unicodedata.category` and classes such as `\\s` would refuse characters that were assigned after the interpreter's release.

Source: the Unicode Character Database, version 16. The properties are general categories (UnicodeData.txt), White_Space and Noncharacter_Code_Point
        (PropList.txt) and Default_Ignorable_Code_Point (DerivedCoreProperties.txt). The ranges of controls, surrogates and noncharacters never change
        (Unicode Character Encoding Stability Policies).
"""

import re

# The space characters of all scripts (general category Zs).
SPACES = " \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"

# The controls that end a line or move to the next column, and the line and the paragraph separator. All have the property White_Space.
BREAKS = "\t-\r\x85\u2028\u2029"

# Embeddings, overrides and isolates: they change the direction of the text that follows, even outside the value. The marks U+200E and U+200F do not.
BIDIRECTIONAL = "\u202a-\u202e\u2066-\u2069"

CONTROLS = "\x00-\x1f\x7f-\x9f"
SURROGATES = "\ud800-\udfff"
NONCHARACTERS = "\ufdd0-\ufdef" + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))

# Default_Ignorable_Code_Point: characters without a glyph. The ranges also contain the code points that are reserved for future ones.
IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# General category Cf, without the characters that are ignorable.
FORMATS = "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
# Characters whose glyph is blank, without those that are ignorable: in Braille, Egyptian hieroglyphs, Khitan small script and musical notation.
FILLERS = "\u2800\U00013441\U00013442\U00016fe4\U0001d159"

# The replacement character stands for a character that was lost on the way, for example the half of a surrogate pair.
LOST = "\ufffd"

# No text may contain one of these: controls, separators, changes of direction, lost characters, and code points that are no characters.
NOT_IN_TEXT = re.compile(f"[{CONTROLS}\u2028\u2029{BIDIRECTIONAL}{SURROGATES}{NONCHARACTERS}{LOST}]")
# A visible character. A text without any is blank.
VISIBLE = re.compile(f"[^{SPACES}{IGNORABLE}{FORMATS}{FILLERS}]")
LINE_BREAK = re.compile(f"[{BREAKS}]+")
CHANGE_OF_DIRECTION = re.compile(f"[{BIDIRECTIONAL}]")

# A URL may contain these characters only percent-encoded: spaces, the backslash (browsers treat it as a slash), controls, separators, marks and
# changes of direction, and code points that are no characters.
# Source: RFC 3986; RFC 3987, 2.2 and 4.1; URL Standard, "URL code points".
NOT_IN_URL = re.compile(f"[\\\\{SPACES}{CONTROLS}\u061c\u200e\u200f\u2028\u2029{BIDIRECTIONAL}{SURROGATES}{NONCHARACTERS}]")


def trimmed(text: str) -> str:
    """The text without spaces at its start and its end."""
    return text.strip(SPACES)
