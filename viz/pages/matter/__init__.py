"""The parts of the page *Does it matter?*."""
