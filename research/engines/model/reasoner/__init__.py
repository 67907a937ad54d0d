"""A reasoning model small enough for two CPU cores: its tasks, tokenizer, training data and export."""
