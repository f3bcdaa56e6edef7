"""The ChaosIQ plugin for the Chaos Toolkit: the version, and nothing else.

The version is written once, here; the packaging metadata reads it from this file.
"""

__version__ = "1.0.0.dev0"
