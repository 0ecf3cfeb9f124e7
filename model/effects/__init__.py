"""What an output rests on: a model runs again on one input, with heads switched off, tokens removed, or gradients."""
