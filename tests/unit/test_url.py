import pytest

from gitmodel.errors import UsageError
from gitmodel.url import REMOTES, WEB, Url, check_url, parse_url, with_options

SECRETS = [
    "s3://AKIAX:hunter2@bucket/x",
    "s3://AKIAX:hun/ter2@bucket/x",
    "https://user:hunter2@host/x",
    "https://hunter2@host/x",
    "sftp://user:hunter2@[::1]/x",
    "s3://:hunter2@bucket",
    "user:hunter2@host:/x",
    "../user:hunter2@host/x",
    "//user:hunter2@host/x",
    "https%3A//user:hunter2@host/x",
    "s3://bucket/x?endpoint=http://user:hunter2@host",
    "sftp://host/x?password=hunter2",
    "../x?password=hunter2",
    "sftp://host/x%3Fpassword%253Dhunter2",
    "gs://ghp_hunter20123456789abcdefghij/x",
]
# Not one of them may reach a driver, whatever that would do with it.
CHAINS = [
    *("dask://127.0.0.1:8786/x::file:///none", "simplecache::http://127.0.0.1/x"),
    *("zip://x::http://127.0.0.1/x", "reference::http://127.0.0.1/x", "s3://b/x::file:///etc"),
    *("s3://b/x%3A%3Afile:///etc", "s3://b/x%253a%253Afile", "s3://b/x?region=a%3A%3Ab"),
    *("sftp://host/x::memory://y", "file:///x::s3://b", "gs://b/%3a:x", "x::y", "../x::y"),
    *("::", "filecache%3A%3As3://b/x", "a/b::http://127.0.0.1", "http://127.0.0.1::x"),
]
KINDS = [
    *("nonsense://x", "memory://x", "local:///x", "smb://host/x", "ftp://host/x", "git://host/x"),
    *("github://u:r@/x", "dask://host:1/x", "hdfs://host/x", "data://x", "jupyter://host/x"),
    *("http://169.254.169.254/x", "https://host/x", "HTTPS://host/x", "webhdfs://h/x"),
    *("ssh://host/x", "gcs://bucket/x", "s3a://bucket/x", "S3://bucket/x", "SFTP://host/x"),
    *("gs:bucket/a", "s3:bucket/a", " s3://bucket/x", "\u200bs3://b/x", "://x", "x://", "a b://x"),
    *("hf://x/y", "oss://b/x", "abfs+ssl://c/x", "sftp+x://host/y", "https:/host/x", "http:host"),
]
MALFORMED = [
    *("s3:///a", "s3://", "s3://bucket:80/a", "s3://bucket/a#x", "gs://", "gs://b/x#1"),
    *(
        "sftp://",
        "sftp:///x",
        "sftp://-oProxyCommand=x/y",
        "sftp://host:x/y",
        "sftp://host:99999/x",
    ),
    *("sftp://ho st/x", "sftp://host;x/y", "sftp://$(id)/x", "sftp://-x@host/y", "sftp://`id`/x"),
    *(
        "sftp://host%20/x",
        "sftp://host\\x/y",
        "sftp://a@b@host/x",
        "sftp://host/x#y",
        "sftp://[x]/y",
    ),
    *("abfs://", "abfs://c@host/x", "abfs://c@127.0.0.1/x", "abfs://c@a.evil.org/x", "az://c@/x"),
    *(
        "file://host/x",
        "file://u@host/x",
        "file://",
        "host:/x",
        "git@host:x",
        "s3://[x",
        "sftp://[::1/x",
    ),
    *("s3://bucket/a?profile=me", "s3://bucket/a?endpoint=http://h&key=x", "s3://b/a?endpoint"),
    *("gs://bucket/a?endpoint=http://h", "sftp://host/a?x=1", "file:///a?x=1", "file:///a#x"),
    *("s3://b/a?endpoint=ftp://h", "s3://b/a?endpoint=h:9000", "s3://b/a?endpoint=http://h/x%0ay"),
    *("s3://b/a?endpoint=http://h&endpoint=http://i", "s3://b/a?region=a&region=b"),
    *("s3://b/a?region=../x", "", "x\ny", "\x1b[2J", "x" * 5000),
]
REFUSED_URLS = [*CHAINS, *KINDS, *MALFORMED]
ORDINARY = [
    *("s3://bucket/a/b", "../folder", "/a b/c", "file:///x", "user@x", "../data@v1", "../a:b"),
    *("s3://bucket/user@x", "C:/x", "/données/🙂", "s3://bucket/a:b", "gs://bucket/prefix"),
    *("abfs://container/prefix", "az://c/x", "abfss://c@account.dfs.core.windows.net/x"),
    *("sftp://host/folder", "sftp://ada@host:2222/a b", "sftp://[::1]/x", "sftp://host/~/x"),
    *("s3://bucket/a?endpoint=http://127.0.0.1:9000", "s3://bucket?region=us-east-1"),
    "s3://bucket/a?endpoint=https://minio.example.org/s3&region=eu-west-1",
    "s3://bucket/a?endpoint=http://[::1]:9000",
    "/mnt/models-of-2024/task-specific-fine-tuning-of-gpt-2",
]


@pytest.mark.parametrize("url", SECRETS)
def test_credentials_in_a_url_are_refused_and_not_repeated(url):
    with pytest.raises(UsageError) as caught:
        check_url(url)
    assert "hun" not in f"{caught.value.message} {caught.value.hint}"


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_urls_that_no_remote_has_are_refused(url):
    with pytest.raises(UsageError) as caught:
        check_url(url)
    assert caught.value.hint


@pytest.mark.parametrize("url", [each for each in REFUSED_URLS if "://" in each])
def test_no_url_that_was_not_checked_is_opened(url):
    # Other texts are folders, whatever they look like.
    with pytest.raises(UsageError):
        parse_url(url)


@pytest.mark.parametrize("url", ORDINARY)
def test_ordinary_urls_are_kept(url):
    assert check_url(url) == url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("../x", Url("file", "../x")),
        ("file:///x y", Url("file", "/x y")),
        ("s3://b/p/q?region=r", Url("s3", "/p/q", "b", options={"region": "r"})),
        ("gs://bucket", Url("gs", "", "bucket")),
        ("sftp://ada@host:22/x", Url("sftp", "/x", "", "ada", "host", 22)),
        ("sftp://[::1]/x", Url("sftp", "/x", host="[::1]")),
        ("abfs://c@a.blob.core.windows.net", Url("abfs", "", "c", host="a.blob.core.windows.net")),
        ("https://host:8080/x", Url("https", "/x", host="host", port=8080)),
    ],
)
def test_a_url_is_taken_apart(text, url):
    assert parse_url(text, (*REMOTES, *WEB)) == url


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("s3://bucket/a?endpoint=http://h", "http://h"),
        ("s3://bucket/a?region=r&endpoint=http://h", "http://h"),
        ("s3://bucket/a?%65ndpoint=http://h", "http://h"),
        ("s3://bucket/a?region=r", ""),
        ("s3://bucket/endpoint=x", ""),
        ("gs://bucket/x", ""),
        ("abfs://container/x", ""),
        ("abfs://container@a.dfs.core.windows.net/x", "a.dfs.core.windows.net"),
        ("sftp://host/x", "host"),
        ("../folder", ""),
    ],
)
def test_the_server_that_a_url_names(url, server):
    assert parse_url(url).server == server


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("s3://bucket/a?profile=me", "'profile'"),
        ("gs://bucket/a?endpoint=http://h", "'endpoint'"),
        ("s3://bucket/a?region=a&region=b", "twice"),
        ("s3://bucket/a#x", "#"),
        ("s3:///a", "no bucket"),
        ("s3:bucket/a", "'s3:'"),
        ("S3://bucket/a", "'S3:'"),
        ("s3a://bucket/a", "'s3a:'"),
        ("ssh://host/a", "'ssh:'"),
        ("dask://host/a", "'dask'"),
    ],
)
def test_why_a_url_is_refused(url, why):
    with pytest.raises(UsageError, match=why):
        check_url(url)


def test_only_options_with_a_value_are_added():
    url = "s3://bucket/a"
    assert with_options(url, {"endpoint": "", "region": ""}) == url
    assert with_options("../x", {"endpoint": ""}) == "../x"
    with pytest.raises(UsageError, match="endpoint"):
        with_options("../x", {"endpoint": "http://h"})
    both = with_options(url, {"endpoint": "http://h:1/p", "region": "r"})
    assert both == f"{url}?endpoint=http://h:1/p&region=r"
    assert with_options(f"{url}?region=r", {"endpoint": "http://h"}) == (
        f"{url}?region=r&endpoint=http://h"
    )
    # What means something in a URL cannot add an option of its own.
    sneaky = with_options(url, {"region": "r&endpoint=http://evil", "endpoint": ""})
    with pytest.raises(UsageError):
        parse_url(sneaky)
