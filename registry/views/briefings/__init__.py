"""Briefings: what the cases of some themes, States and a period come to, for named recipients."""
