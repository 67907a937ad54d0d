"""Runs llama.cpp's own server on the test model, by the package xllamacpp. Prints its address, then waits to be ended."""

import argparse
import signal
from pathlib import Path

import xllamacpp

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--slots", type=int, default=8)
parser.add_argument("--model", default=str(Path(__file__).parent / "model" / "stopgate-reasoner.gguf"))
options = parser.parse_args()
params = xllamacpp.CommonParams()
params.model.path = options.model
params.n_ctx, params.n_parallel, params.verbosity = 1024 * options.slots, options.slots, 0
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
params.cache_ram_mib = 0
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
signal.pause()
