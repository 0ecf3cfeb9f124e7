"""Small random language models with the chat templates of the families that they are of, in folders."""

from pathlib import Path
from typing import Any

from tokenizers import AddedToken, processors

from tests.model.huggingface.family_tokenizers import family_tokenizer
from tests.model.huggingface.text_models import write_model

# As the checkpoints have them: Qwen/Qwen1.5-0.5B-Chat, meta-llama/Llama-2-7b-chat-hf, google/gemma-2b-it
CHATML = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are a helpful assistant<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
INST = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}"
    "{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}"
    "{% set system_message = false %}{% endif %}{% for message in loop_messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if loop.index0 == 0 and system_message != false %}"
    "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
TURNS = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if (message['role'] == 'assistant') %}{% set role = 'model' %}{% else %}{% set role = message['role'] %}"
    "{% endif %}{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{'<start_of_turn>model\n'}}{% endif %}"
)
SHAPE: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 48,
    "head_dim": 8,
    "max_position_embeddings": 256,
}
# family -> the class, its template, and the special tokens that this writes
FAMILIES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "Qwen 3": ("Qwen3ForCausalLM", CHATML, ("<|im_start|>", "<|im_end|>")),
    "Llama": ("LlamaForCausalLM", INST, ()),
    "Gemma": ("GemmaForCausalLM", TURNS, ("<start_of_turn>", "<end_of_turn>")),
}


def write_chat_model(family: str, folder: Path, template: str | dict[str, str] | None = None) -> Path:
    """A folder with a model of a family; its own template, unless another one is given, or several by their names."""
    name, own, special = FAMILIES[family]
    tokenizer = family_tokenizer(family)
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    if (begin := tokenizer.bos_token) is not None:  # Llama's and Gemma's put it before every text
        backend = tokenizer.backend_tokenizer
        backend.post_processor = processors.TemplateProcessing(
            single=f"{begin} $A", special_tokens=[(begin, backend.token_to_id(begin))]
        )
    tokenizer.model_max_length = SHAPE["max_position_embeddings"]
    tokenizer.chat_template = own if template is None else template
    return write_model(folder, tokenizer, name, **SHAPE)
