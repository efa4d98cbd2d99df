"""Notice what is odd in one series while its readings come: pure, online, small. See docs/detection.md."""
