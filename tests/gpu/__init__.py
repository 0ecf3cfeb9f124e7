"""What only a GPU can show; needs torch, transformers, numpy, safetensors, tokenizers, pillow and pytest."""
