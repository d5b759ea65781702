"""The chat's pages: thin, each action a real form or link first."""
