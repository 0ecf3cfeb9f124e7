"""Which tokens or patches an output rests on, by the methods of the literature: `methods.explain`."""
