"""The runs of verifications in the console: their start, what happens in them, and their end."""

from chaoscloud.api.verification.context import CallContext, get_call_context
from chaoscloud.api.verification.handler import VerificationRunEventHandler
from chaoscloud.api.verification.ids import get_run_id, get_verification_id, set_run_id
from chaoscloud.api.verification.samples import SampleCount, count_samples
from chaoscloud.api.verification.wire import finish_run, send_run_event, start_run

__all__ = [
    "CallContext",
    "SampleCount",
    "VerificationRunEventHandler",
    "count_samples",
    "finish_run",
    "get_call_context",
    "get_run_id",
    "get_verification_id",
    "send_run_event",
    "set_run_id",
    "start_run",
]
