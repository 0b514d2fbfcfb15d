"""Helpers that know nothing of models: safe files, iteration orders, text."""
