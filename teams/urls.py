"""Addresses of the team's pages and of a person's own."""

from django.urls import path

from teams.views import invitations, models, people, profile

app_name = "teams"
urlpatterns = [
    path("team/", people.team, name="team"),
    path("team/new/", people.create, name="create_team"),
    path("team/<uuid:pk>/rename/", people.rename, name="rename_team"),
    path("team/<uuid:pk>/invite/", people.invite, name="invite"),
    path("team/<uuid:pk>/leave/", people.leave, name="leave"),
    path("team/members/<int:pk>/role/", people.change_role, name="change_role"),
    path("team/members/<int:pk>/remove/", people.remove, name="remove"),
    path("team/invitations/<int:pk>/revoke/", people.revoke_invitation, name="revoke_invitation"),
    path("invitations/<str:token>/", invitations.accept, name="accept"),
    path("profile/", profile.profile, name="profile"),
    path("api-keys/", profile.api_keys, name="api_keys"),
    path("api-keys/<int:pk>/revoke/", profile.revoke_api_key, name="revoke_api_key"),
    path("models/", models.models, name="models"),
    path("models/new/<str:kind>/", models.create, name="create_connection"),
    path("models/<uuid:pk>/", models.edit, name="connection"),
    path("models/<uuid:pk>/delete/", models.delete, name="delete_connection"),
    path("models/<uuid:pk>/test/", models.test, name="test_connection"),
]
