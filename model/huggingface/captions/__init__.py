"""Models that read a photo and write of it, in a decoder that looks at the encoder's patches."""
