"""Write a small llama model with random weights, for a real server to answer from.

    python tiny_model.py FILE.gguf

Run by the interpreter of the server's environment, which has gguf. A token is a byte, so that a
prompt of n characters is n + 1 tokens, with the one that begins it. The first dimension of the
residual stream is held constant, and so the first column of the output matrix is a bias: the
model writes printable characters and never ends by itself.
"""

import sys

import gguf
import numpy as np

SEED = 4
CONTEXT = 32768
WIDTH, HEADS, FORWARD, LAYERS = 64, 4, 128, 1
SPECIAL = (b"<unk>", b"<s>", b"</s>")
TOKENS = (*SPECIAL, *(f"<0x{byte:02X}>".encode() for byte in range(256)), "\u2581".encode())
PRINTABLE = range(len(SPECIAL) + 0x21, len(SPECIAL) + 0x7F)


def weights() -> dict[str, np.ndarray]:
    """Draw every tensor of the model by name."""
    random = np.random.default_rng(SEED)

    def draw(*shape: int) -> np.ndarray:
        return (random.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)

    embedding = random.standard_normal((len(TOKENS), WIDTH)).astype(np.float32)
    embedding[:, 0] = 4.0
    output = draw(len(TOKENS), WIDTH) * 2
    output[:, 0] = -10.0
    output[list(PRINTABLE), 0] = 10.0
    tensors = {"token_embd.weight": embedding, "output.weight": output}
    tensors["output_norm.weight"] = np.ones(WIDTH, np.float32)
    for layer in range(LAYERS):
        shapes = {"ffn_gate": (FORWARD, WIDTH), "ffn_up": (FORWARD, WIDTH)}
        shapes |= {f"attn_{part}": (WIDTH, WIDTH) for part in ("q", "k", "v", "output")}
        shapes["ffn_down"] = (WIDTH, FORWARD)
        for name, shape in shapes.items():
            tensors[f"blk.{layer}.{name}.weight"] = draw(*shape)
        for name in ("attn_output", "ffn_down"):
            tensors[f"blk.{layer}.{name}.weight"][0] = 0.0
        for name in ("attn_norm", "ffn_norm"):
            tensors[f"blk.{layer}.{name}.weight"] = np.ones(WIDTH, np.float32)
    return tensors


def write(path: str) -> None:
    """Write the model with its tokens and its chat template."""
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(FORWARD)
    writer.add_head_count(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    _add_tokens(writer)
    for name, tensor in weights().items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokens(writer: gguf.GGUFWriter) -> None:
    kind = gguf.TokenType
    kinds = [kind.UNKNOWN, kind.CONTROL, kind.CONTROL, *[kind.BYTE] * 256, kind.NORMAL]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(TOKENS)
    writer.add_token_scores([0.0] * len(TOKENS))
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_bos_token(value=True)
    writer.add_add_space_prefix(value=False)
    writer.add_chat_template(
        "{{ bos_token }}{% for message in messages %}{{ message['content'] }}{% endfor %}"
    )


if __name__ == "__main__":
    write(sys.argv[1])
