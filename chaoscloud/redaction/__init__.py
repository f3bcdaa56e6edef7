"""What must not leave this machine, taken out of a copy.

A run's secrets turn up where nobody put them: in the output of a process, in a traceback, in an
url, in a header that was echoed. A `Redactor` is made once for a run, and gives copies of documents
in which they are replaced by `[redacted]`; the user's own objects are never touched.

`values` says what is secret, `spellings` how it may be written, `urls` what goes out of addresses,
`vocabulary` what stands in the open; `redactor` walks a document, `encoding` turns it into JSON.
`withholding` is for journals whose secrets nobody knows any more.
"""

from chaoscloud.redaction.encoding import to_json
from chaoscloud.redaction.redactor import Redacted, Redactor
from chaoscloud.redaction.urls import strip_credentials
from chaoscloud.redaction.values import MARKER, has_marker
from chaoscloud.redaction.withholding import Withheld, withhold_outputs

__all__ = [
    "MARKER",
    "Redacted",
    "Redactor",
    "Withheld",
    "has_marker",
    "strip_credentials",
    "to_json",
    "withhold_outputs",
]
