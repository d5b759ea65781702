"""How people come in: by invitation, with an e-mail address."""

from allauth.account.adapter import DefaultAccountAdapter


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request) -> bool:
        """Closed: only an invitation makes an account."""
        return False
