import pytest
from django.urls import reverse

from ingestion.models import KnowledgeBase
from teams.models import Membership, Role, Team, User
from tests.ingestion.making import Status, make_document, make_many

INDEX = reverse("ingestion:knowledge_bases")
CREATE = reverse("ingestion:create")


def page(knowledge_base, name="knowledge_base"):
    return reverse(f"ingestion:{name}", args=[knowledge_base.pk])


@pytest.fixture
def others_team(charlie):
    team = Team.objects.create(name="Elsewhere")
    Membership.objects.create(team=team, user=charlie, role=Role.OWNER)
    return team


class TestIndex:
    def test_shows_what_stands_where(self, client, alice, knowledge_base):
        make_many(knowledge_base, 3, status=Status.READY, chunks_total=7)
        make_many(knowledge_base, 2, status=Status.FAILED)
        make_document(knowledge_base, status=Status.PARSING)
        client.force_login(alice)
        text = client.get(INDEX).content.decode()
        assert "3 documents ready" in text
        assert "2 failed" in text
        assert "1 in progress" in text
        assert "21 chunks" in text
        assert "Open to everyone in Research" in text

    def test_deleted_documents_do_not_count(self, client, alice, knowledge_base):
        from ingestion import services

        document = make_document(knowledge_base, status=Status.READY, chunks_total=9)
        services.delete_document(document=document, user=alice)
        client.force_login(alice)
        assert "No documents yet" in client.get(INDEX).content.decode()

    def test_is_one_query_for_any_number(
        self, client, alice, bob, team, knowledge_base, django_assert_num_queries
    ):
        client.force_login(alice)
        for n in range(20):
            each = KnowledgeBase.objects.create(team=team, name=f"kb {n}", access="members")
            each.readers.set([alice, bob])
            make_many(each, 3, status=Status.READY)
        with django_assert_num_queries(4):  # session, user, knowledge bases, may create
            response = client.get(INDEX)
        assert response.content.decode().count("Open to 2 named members of Research") == 20

    def test_viewer_sees_but_may_not_create(self, client, bob, knowledge_base):
        client.force_login(bob)
        text = client.get(INDEX).content.decode()
        assert "Handbook" in text
        assert CREATE not in text

    def test_members_only_is_hidden_from_the_others(self, client, bob, knowledge_base):
        KnowledgeBase.objects.update(access="members")
        client.force_login(bob)
        assert "Handbook" not in client.get(INDEX).content.decode()

    def test_empty_says_what_to_do_next(self, client, alice, bob, team):
        client.force_login(alice)
        text = client.get(INDEX).content.decode()
        assert "Start with your first knowledge base" in text
        assert CREATE in text
        client.force_login(bob)
        assert "Ask an owner of your team" in client.get(INDEX).content.decode()

    def test_outsider_sees_nothing(self, client, charlie, knowledge_base):
        client.force_login(charlie)
        assert "Handbook" not in client.get(INDEX).content.decode()

    def test_throw_away_ones_are_not_listed(self, client, alice, team):
        KnowledgeBase.objects.create(team=team, name="of a command", is_ephemeral=True)
        client.force_login(alice)
        assert "of a command" not in client.get(INDEX).content.decode()


class TestCreate:
    def test_for_the_whole_team(self, client, alice, team):
        client.force_login(alice)
        response = client.post(CREATE, {"name": "Contracts", "description": "All of them", "access": "team"})
        made = KnowledgeBase.objects.get()
        assert response.url == page(made)
        assert (made.team, made.name, made.created_by) == (team, "Contracts", alice)

    def test_for_named_members_with_its_maker_among_them(self, client, alice, bob, team):
        Membership.objects.filter(user=alice).update(role=Role.EDITOR)
        client.force_login(alice)
        client.post(CREATE, {"name": "Secret", "access": "members", "readers": [bob.pk]})
        made = KnowledgeBase.objects.get()
        assert set(made.readers.all()) == {alice, bob}

    def test_names_are_of_the_team(self, client, alice, charlie, team):
        client.force_login(alice)
        assert "Charlie" not in client.get(CREATE).content.decode()
        response = client.post(CREATE, {"name": "Secret", "access": "members", "readers": [charlie.pk]})
        assert response.status_code == 200
        assert not KnowledgeBase.objects.exists()

    def test_choice_among_several_teams(self, client, alice, team):
        second = Team.objects.create(name="Sales")
        Membership.objects.create(team=second, user=alice, role=Role.EDITOR)
        dora = User.objects.create_user("dora@example.com", name="Dora")
        Membership.objects.create(team=second, user=dora, role=Role.VIEWER)
        client.force_login(alice)
        text = client.get(CREATE, {"team": str(second.pk)}).content.decode()
        assert "Dora" in text
        assert "Bob" not in text
        client.post(CREATE, {"team": second.pk, "name": "Offers", "access": "team"})
        assert KnowledgeBase.objects.get().team == second

    def test_not_in_a_team_where_one_only_reads(self, client, alice, team, others_team):
        Membership.objects.create(team=others_team, user=alice, role=Role.VIEWER)
        client.force_login(alice)
        client.post(CREATE, {"team": others_team.pk, "name": "Mine", "access": "team"})
        assert not KnowledgeBase.objects.filter(team=others_team).exists()

    @pytest.mark.parametrize("name", ["", " ", "x" * 121, "Handbook"])
    def test_unfit_names_are_explained(self, client, alice, knowledge_base, name):
        client.force_login(alice)
        response = client.post(CREATE, {"name": name, "access": "team"})
        assert response.status_code == 200
        assert KnowledgeBase.objects.count() == 1
        form = response.context["form"]
        assert form.errors

    def test_viewer_and_outsider_are_refused(self, client, bob, charlie, team):
        for person in (bob, charlie):
            client.force_login(person)
            assert client.get(CREATE).status_code == 403
            assert client.post(CREATE, {"name": "x", "access": "team"}).status_code == 403


class TestSettings:
    def test_name_and_access_change(self, client, alice, bob, knowledge_base):
        client.force_login(alice)
        response = client.post(
            page(knowledge_base, "settings"),
            {"name": "Manual", "description": "New", "access": "members", "readers": [bob.pk]},
        )
        assert response.url == page(knowledge_base, "settings")
        knowledge_base.refresh_from_db()
        assert (knowledge_base.name, knowledge_base.access) == ("Manual", "members")
        assert set(knowledge_base.readers.all()) == {bob}

    def test_opening_to_the_team_forgets_the_names(self, client, alice, bob, knowledge_base):
        knowledge_base.readers.set([bob])
        client.force_login(alice)
        client.post(
            page(knowledge_base, "settings"), {"name": "Handbook", "access": "team", "readers": [bob.pk]}
        )
        assert not knowledge_base.readers.exists()

    def test_who_shuts_themselves_out_lands_on_the_list(self, client, alice, bob, knowledge_base):
        Membership.objects.filter(user=alice).update(role=Role.EDITOR)
        client.force_login(alice)
        response = client.post(
            page(knowledge_base, "settings"), {"name": "Handbook", "access": "members", "readers": [bob.pk]}
        )
        assert response.url == INDEX

    def test_a_taken_name_changes_nothing_on_the_page(self, client, alice, team, knowledge_base):
        KnowledgeBase.objects.create(team=team, name="Manual")
        client.force_login(alice)
        response = client.post(page(knowledge_base, "settings"), {"name": "Manual", "access": "team"})
        assert response.status_code == 200
        assert response.context["form"].errors
        assert response.context["knowledge_base"].name == "Handbook"
        knowledge_base.refresh_from_db()
        assert knowledge_base.name == "Handbook"

    def test_viewer_403_outsider_404(self, client, bob, charlie, knowledge_base):
        for person, status in ((bob, 403), (charlie, 404)):
            client.force_login(person)
            assert client.get(page(knowledge_base, "settings")).status_code == status
            response = client.post(page(knowledge_base, "settings"), {"name": "Mine", "access": "team"})
            assert response.status_code == status
        knowledge_base.refresh_from_db()
        assert knowledge_base.name == "Handbook"


class TestDelete:
    def test_only_with_its_name_typed(self, client, alice, knowledge_base):
        client.force_login(alice)
        response = client.post(page(knowledge_base, "delete_knowledge_base"), {"name": "handbok"})
        assert "Nothing was deleted" in response.content.decode()
        assert KnowledgeBase.objects.visible_to(alice).exists()
        response = client.post(page(knowledge_base, "delete_knowledge_base"), {"name": "Handbook"})
        assert response.url == INDEX
        assert not KnowledgeBase.objects.visible_to(alice).exists()
        assert client.get(page(knowledge_base)).status_code == 404

    def test_viewer_403_outsider_404(self, client, bob, charlie, knowledge_base):
        for person, status in ((bob, 403), (charlie, 404)):
            client.force_login(person)
            response = client.post(page(knowledge_base, "delete_knowledge_base"), {"name": "Handbook"})
            assert response.status_code == status
        assert KnowledgeBase.objects.alive().exists()


class TestDetail:
    def test_cost_does_not_grow_with_documents(
        self, client, alice, knowledge_base, django_assert_num_queries
    ):
        client.force_login(alice)
        for status in Status.values:
            make_many(knowledge_base, 60, status=status)
        with django_assert_num_queries(5):  # session, user, knowledge base, rows, counts
            response = client.get(page(knowledge_base))
        assert len(response.context["listing"].rows) == 50
        assert response.context["counts"].total == 300

    def test_pages_by_key_forth_and_back(self, client, alice, knowledge_base):
        made = {document.pk for document in make_many(knowledge_base, 120, status=Status.READY)}
        client.force_login(alice)
        seen, cursor, pages = [], "", []
        while True:
            listing = client.get(page(knowledge_base), {"after": cursor}).context["listing"]
            seen += [row.pk for row in listing.rows]
            pages.append([row.pk for row in listing.rows])
            if not listing.older:
                break
            cursor = listing.older
        assert [len(each) for each in pages] == [50, 50, 20]
        assert len(seen) == 120
        assert set(seen) == made
        back = client.get(page(knowledge_base), {"before": listing.newer}).context["listing"]
        assert [row.pk for row in back.rows] == pages[1]
        first = client.get(page(knowledge_base), {"before": back.newer}).context["listing"]
        assert [row.pk for row in first.rows] == pages[0]
        assert not first.newer

    @pytest.mark.parametrize("cursor", ["x", "2026-01-01~x", "~", "2026-01-01T00:00~" + "0" * 32])
    def test_broken_cursors_still_show_documents(self, client, alice, knowledge_base, cursor):
        make_document(knowledge_base)
        client.force_login(alice)
        for side in ("after", "before"):
            assert client.get(page(knowledge_base), {side: cursor}).status_code == 200

    def test_filters_by_name_and_status(self, client, alice, knowledge_base):
        make_document(knowledge_base, name="Budget 2026.xlsx", status=Status.READY)
        make_document(knowledge_base, name="budget old.xlsx", status=Status.FAILED, error_code="corrupt")
        make_document(knowledge_base, name="Plan.docx", status=Status.PARSING)
        client.force_login(alice)

        def names(**params):
            return {row.name for row in client.get(page(knowledge_base), params).context["listing"].rows}

        assert names(q="budget") == {"Budget 2026.xlsx", "budget old.xlsx"}
        assert names(q="budget", status="failed") == {"budget old.xlsx"}
        assert names(status="unfinished") == {"Plan.docx"}
        assert len(names(status="nonsense")) == 3
        assert names(q="100%") == set()
        text = client.get(page(knowledge_base), {"q": "absent"}).content.decode()
        assert "No document matches" in text

    def test_status_and_progress_in_words(self, client, alice, knowledge_base):
        make_document(knowledge_base, status=Status.PARSING, pages_done=12, pages_total=40)
        make_document(knowledge_base, status=Status.INDEXING, chunks_done=80, chunks_total=200)
        make_document(knowledge_base, status=Status.FAILED, error_code="password_protected")
        make_document(knowledge_base, status=Status.READY, pages_total=3, chunks_total=9)
        make_document(knowledge_base, status=Status.QUEUED)
        client.force_login(alice)
        text = client.get(page(knowledge_base)).content.decode()
        for sentence in (
            "12 of 40 pages read",
            "80 of 200 chunks embedded",
            "protected by a password",
            "3 pages, 9 chunks",
            "Waiting for its turn",
        ):
            assert sentence in text

    def test_fragment_is_the_same_template(self, client, alice, knowledge_base):
        make_document(knowledge_base, status=Status.QUEUED)
        client.force_login(alice)
        whole = client.get(page(knowledge_base))
        part = client.get(page(knowledge_base), headers={"HX-Request": "true", "HX-Target": "documents"})
        assert "ingestion/_documents.html" in [template.name for template in whole.templates]
        assert part.templates[0].name == "ingestion/_documents.html"
        assert "<html" not in part.content.decode()

    def test_polls_only_while_something_is_unfinished(self, client, alice, knowledge_base):
        document = make_document(knowledge_base, status=Status.QUEUED)
        client.force_login(alice)
        assert 'hx-trigger="every 2s"' in client.get(page(knowledge_base)).content.decode()
        type(document).objects.update(status=Status.READY)
        assert 'hx-trigger="every 2s"' not in client.get(page(knowledge_base)).content.decode()

    def test_hostile_names_are_text(self, client, alice, knowledge_base):
        name = "<script>alert(1)</script>'\"&.txt"
        make_document(knowledge_base, name=name, status=Status.FAILED)
        make_document(knowledge_base, name="a" * 255)
        client.force_login(alice)
        text = client.get(page(knowledge_base)).content.decode()
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text

    def test_viewer_may_look_but_not_touch(self, client, bob, knowledge_base):
        make_document(knowledge_base, name="plan.pdf", status=Status.FAILED)
        client.force_login(bob)
        text = client.get(page(knowledge_base)).content.decode()
        assert "plan.pdf" in text
        for address in ("upload/", "settings/", "retry/", "delete/"):
            assert address not in text

    def test_outsider_404(self, client, charlie, knowledge_base):
        client.force_login(charlie)
        assert client.get(page(knowledge_base)).status_code == 404


@pytest.mark.parametrize("name", ["knowledge_base", "settings", "delete_knowledge_base", "upload"])
def test_anonymous_is_sent_to_log_in(client, knowledge_base, name):
    response = client.get(page(knowledge_base, name))
    assert response.status_code == 302
    assert "/accounts/login/" in response.url


@pytest.mark.parametrize("address", [INDEX, CREATE])
def test_anonymous_is_sent_to_log_in_from_lists(client, db, address):
    assert "/accounts/login/" in client.get(address).url
