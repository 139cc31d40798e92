from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowNotFoundException

from stagecraft.errors import InvalidInputError
from stagecraft.hooks.store import StoreHook
from stagecraft.provider_info import get_provider_info

SECRET = "s3cr3t-" + "word"


def connect(monkeypatch: pytest.MonkeyPatch, name: str = "stagecraft_store", **fields: Any) -> None:
    text = json.dumps({"conn_type": "stagecraft_store", **fields})
    monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", text)


def test_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    connect(monkeypatch, host=str(tmp_path / "store"))
    assert StoreHook().store().root == str(tmp_path / "store")
    assert StoreHook().test_connection() == (
        True,
        f"A file was written into {tmp_path / 'store'} and removed again",
    )
    assert list((tmp_path / "store").iterdir()) == []


def test_the_connection_as_a_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_STAGECRAFT_STORE", "stagecraft-store://s3://key:secret@bucket%2Ffolder")
    store = StoreHook().store()
    assert store.root == "s3://bucket/folder"
    assert store.storage_options == {"key": "key", "secret": "secret"}


def test_s3_credentials_and_options(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    extra = {"endpoint_url": "http://127.0.0.1:9000", "anon": False, "token": None, "profile": ""}
    connect(monkeypatch, host="s3://bucket/folder/", login="me", password=SECRET, extra=extra)
    store = StoreHook().store()
    assert store.root == "s3://bucket/folder"
    assert store.storage_options == {
        "key": "me",
        "secret": SECRET,
        "endpoint_url": "http://127.0.0.1:9000",
        "anon": False,
    }
    assert SECRET not in repr(store) + caplog.text + capsys.readouterr().out


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"host": "stagecraft"}, "'stagecraft'.*absolute path"),
        ({}, "absolute path"),
        ({"host": "s3://me:secret@bucket"}, "credentials"),
        ({"host": "/tmp/store", "login": "me", "password": SECRET}, "login or password"),
        ({"host": "gs://bucket", "login": "me"}, "gs"),
    ],
)
def test_bad_connections_are_refused(
    monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any], complaint: str
) -> None:
    connect(monkeypatch, **fields)
    with pytest.raises(InvalidInputError, match=complaint) as caught:
        StoreHook().store()
    assert SECRET not in str(caught.value)
    works, message = StoreHook().test_connection()
    assert not works
    assert "connection stagecraft_store" in message


def test_what_cannot_be_written_or_loaded_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    connect(monkeypatch, host=str(tmp_path / "file" / "store"))
    works, message = StoreHook().test_connection()
    assert not works
    assert "cannot write" in message
    connect(monkeypatch, host="nosuchprotocol://bucket")
    works, message = StoreHook().test_connection()
    assert not works
    assert "nosuchprotocol" in message


def test_without_the_default_connection_it_is_a_folder_and_said(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    from airflow.configuration import AIRFLOW_HOME

    caplog.set_level(logging.INFO)
    assert StoreHook().store().root == f"{AIRFLOW_HOME}/stagecraft"
    assert "There is no connection 'stagecraft_store'" in capsys.readouterr().out + caplog.text


def test_another_connection_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AirflowNotFoundException, match="team_store"):
        StoreHook("team_store").store()
    connect(monkeypatch, "team_store", host="memory://team")
    assert StoreHook("team_store").test_connection()[0]


def test_the_form_is_declared() -> None:
    (entry,) = [
        entry
        for entry in get_provider_info()["connection-types"]
        if entry["connection-type"] == StoreHook.conn_type
    ]
    assert entry["hook-class-name"] == f"{StoreHook.__module__}.{StoreHook.__name__}"
    assert entry["hook-name"] == StoreHook.hook_name
