from django.apps import AppConfig


class ProjectConfig(AppConfig):
    """The project's own commands (`serve`, `ask`, `setup_demo`) and its checks."""

    name = "qa_project"

    def ready(self) -> None:
        from qa_project import wiring

        wiring.connect()
