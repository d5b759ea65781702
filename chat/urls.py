"""Addresses of the chat: conversations, answers and the sources behind them."""

from django.urls import path

from chat.views import answers, citations, conversations, feedback

app_name = "chat"
urlpatterns = [
    path("", conversations.home, name="home"),
    path("c/<uuid:pk>/", conversations.conversation, name="conversation"),
    path("c/<uuid:pk>/rename/", conversations.rename, name="rename"),
    path("c/<uuid:pk>/delete/", conversations.delete, name="delete"),
    path("ask/", answers.ask, name="ask"),
    path("messages/<uuid:pk>/", answers.message, name="message"),
    path("messages/<uuid:pk>/stream/", answers.stream, name="stream"),
    path("messages/<uuid:pk>/stop/", answers.stop, name="stop"),
    path("messages/<uuid:pk>/feedback/", feedback.judge, name="judge"),
    path("question-sets/<uuid:pk>/draft/", feedback.draft, name="draft"),
    path("question-sets/<uuid:pk>/collect/", feedback.collect, name="collect"),
    path("citations/<uuid:pk>/", citations.citation, name="citation"),
]
