"""What holds for every test."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A suite that a shell started in the background ignores Ctrl-C, and so would each process that
    # it starts. A handler of ours is not inherited: those processes begin with the default.
    signal.signal(signal.SIGINT, signal.default_int_handler)
