"""From a folder or the Hub to a network and its tokenizer or image processor, bounded and checked."""
