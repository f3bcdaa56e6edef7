"""The real plugin in real `chaos` processes against the real console, over loopback."""
