"""What must not leave this machine, taken out of a copy.

A run's secrets turn up where nobody put them: in the output of a process, in a traceback, in an
url, in a header that was echoed. A `Redactor` is made once for a run, and gives copies of documents
in which they are replaced by `[redacted]`; the user's own objects are never touched.

`values` tells what is secret, `spellings` how it may be written, `redactor` walks a document and
`encoding` turns it into JSON.
"""

from chaoscloud.redaction.encoding import to_json
from chaoscloud.redaction.redactor import Redacted, Redactor
from chaoscloud.redaction.values import MARKER
from chaoscloud.redaction.withholding import Withheld, withhold_outputs

__all__ = ["MARKER", "Redacted", "Redactor", "Withheld", "to_json", "withhold_outputs"]
