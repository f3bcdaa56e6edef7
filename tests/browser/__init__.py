"""The console in a real browser: Chromium without a window, driven by Playwright."""
