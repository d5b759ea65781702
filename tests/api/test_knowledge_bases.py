"""/api/v1/knowledge-bases"""

import pytest

from ingestion.models import KnowledgeBase
from teams.models import Membership, Role, Team

URL = "/api/v1/knowledge-bases"


def post(client, **body):
    return client.post(URL, body, content_type="application/json")


class TestList:
    def test_each_sees_what_they_may_read(self, knowledge_base, alice_api, bob_api, charlie_api):
        expected = [{"id": str(knowledge_base.pk), "name": "Handbook"}]
        assert alice_api.get(URL).json() == expected
        assert bob_api.get(URL).json() == expected
        assert charlie_api.get(URL).json() == []

    def test_named_members_only(self, knowledge_base, alice_api, bob_api):
        KnowledgeBase.objects.update(access=KnowledgeBase.Access.MEMBERS)
        assert bob_api.get(URL).json() == []
        assert len(alice_api.get(URL).json()) == 1


class TestCreate:
    def test_it_goes_into_the_first_team_one_edits(self, team, alice_api):
        response = post(alice_api, name="  Contracts ")
        assert response.status_code == 201
        made = KnowledgeBase.objects.get()
        assert response.json() == {"id": str(made.pk), "name": "Contracts"}
        assert made.team == team

    def test_or_into_the_team_named(self, team, alice, alice_api):
        other = Team.objects.create(name="Another")
        Membership.objects.create(team=other, user=alice, role=Role.EDITOR)
        assert post(alice_api, name="Contracts", team_id=str(team.pk)).status_code == 201
        assert KnowledgeBase.objects.get().team == team

    def test_a_viewer_may_not(self, team, bob_api):
        assert post(bob_api, name="Contracts").status_code == 403
        refusal = post(bob_api, name="Contracts", team_id=str(team.pk))
        assert refusal.status_code == 403
        assert refusal.json()["error"]["code"] == "forbidden"

    def test_an_outsider_does_not_learn_of_the_team(self, team, charlie_api):
        assert post(charlie_api, name="Contracts", team_id=str(team.pk)).status_code == 404
        assert not KnowledgeBase.objects.exists()

    def test_what_no_database_takes_is_left_out(self, team, alice_api):
        assert (
            post(alice_api, name="\x00Con\x00tracts", description="a\x00\ud83db").json()["name"]
            == "Contracts"
        )
        assert KnowledgeBase.objects.get().description == "ab"

    def test_a_name_is_used_once(self, knowledge_base, alice_api):
        refusal = post(alice_api, name="Handbook")
        assert refusal.status_code == 409
        assert refusal.json()["error"]["code"] == "name_taken"

    @pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": " "}, {"name": "x" * 121}, {"name": 3}])
    def test_nonsense_is_refused(self, team, alice_api, body):
        refusal = alice_api.post(URL, body, content_type="application/json")
        assert refusal.status_code == 422
        assert refusal.json()["error"]["code"] == "invalid"
        assert "name" in refusal.json()["error"]["message"].lower() or refusal.json()["error"]["message"]
        assert not KnowledgeBase.objects.exists()
