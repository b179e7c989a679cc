from __future__ import annotations

import pytest

from gitmodel.secrets import ALLOWED, find_secrets, without_logins

# In two parts, so that nobody who searches this file takes them for real.
AWS = "AKIA" + "IOSFODNN7EXAMPLE"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
HF = "hf_" + "abcdefghijKLMNOPQRST1234567890wxyz"
GITHUB = "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345"
OPENAI = "sk-" + "proj-Ab3dEfGhIjKlMnOpQrStUvWx"
PEM = "-----BEGIN RSA " + "PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"note: {AWS}", "an AWS access key"),
        (f"s3://{AWS}:x@bucket", "an AWS access key"),
        (f"aws_secret_access_key: {AWS_SECRET}", "a key or token"),
        (f'{{"secretAccessKey": "{AWS_SECRET}"}}', "a key or token"),
        (f"note = '{HF}'", "a token of Hugging Face"),
        (f"see {GITHUB}.", "a token of GitHub"),
        (f"key: {OPENAI}", "an API key"),
        (PEM, "a private key"),
        ("origin: https://ada:hunter2@example.org/x", "a URL with a password or token"),
        ("origin: s3://key:sec/ret@bucket/x", "a URL with a password or token"),
        ("origin: sftp://ada:12345@host", "a URL with a password or token"),
        ("https://0123456789abcdefghij0123@example.org", "a URL with a password or token"),
        ("password: hunter2", "a password"),
        ("db:\n  password: 'hunter2'", "a password"),
        ('{"dbPassword":"hunter2"}', "a password"),
        ("password: |-\n  hunter2", "a password"),
        ("DB_PASSWORD=hunter2", "a password"),
        ("DB_PASS: hunter9999", "a password"),
        ('password: "!Summer2024"', "a password"),
        ("aws_secret_access_key: /" + "a1B2c3D4e5" * 3 + "a1B2c3D4e", "a key or token"),
        ("pwd: 1234", "a password"),
        ("client_secret: abcd", "a password"),
        ("api_key: 0123456789abcdef", "a key or token"),
        ("wandb.apiKey: 0123456789abcdef0123456789abcdef01234567", "a key or token"),
        ("https://x/y?X-Amz-Signature=0123456789abcdef", "a key or token"),
        ("https://x.blob.core.windows.net/y?sv=1&sig=0123456789abcdef%3D", "a key or token"),
        ('args: ["--password", "x"]', "a password"),
        ("args: [--password, x]", "a password"),
        ("args:\n  - --hf-token\n  - abc", "a key or token"),
        ('["--api-key",\n  "abc"]', "a key or token"),
        ('["--token=abc"]', "a key or token"),
        ("cmd: train --lr 0.1 -token=abc", "a key or token"),
        ('cmd: "train --api-key sk123 --lr 0.1"', "a key or token"),
        ('{"cmd": "train --password \\"abc\\""}', "a password"),
        ("cmd: >\n  train --password \\\n  abc", "a password"),
        ("cmd: curl --user ada:s3cret x", "a user and password"),
        ("db: alice:s3cret@db.example.org/x", "a user and password"),
        ("db: alice:hunter@db.example.org", "a user and password"),
        ("db: alice:hunter@db:5432/x", "a user and password"),
        ("db: alice:s3cret@db", "a user and password"),
        ("db: //alice:hunter@db/x", "a user and password"),
        ("db: http:/alice:hunter@db/x", "a user and password"),
        ("password:\n  hunter2", "a password"),
        ("password: # of Ada\n\n  hunter2\nlr: 1", "a password"),
        ("password:\n- hunter2", "a password"),
        ('"token":\n "0123456789abcdef"', "a key or token"),
        ('"password"\n:\n"hunter2"', "a password"),
        ("api_key: abcdefghijklmnop", "a key or token"),
        ("hf_token: QHdkXuWvbKzPlAmrTy", "a key or token"),
        (f"{GITHUB}: 1", "a token of GitHub"),
        ("key: sk-" + "0123456789abcdef0123456789abcdef", "an API key"),
        ("DefaultEndpointsProtocol=https;AccountKey=" + "a1B2" * 12, "a key of Azure"),
    ],
)
def test_what_looks_like_a_secret(text, what):
    assert [each.what for each in find_secrets(text)] == [what]


@pytest.mark.parametrize(
    "text",
    [
        "",
        'oid: "blake3:' + "ab1" * 21 + 'a"',
        "git commit 0123456789abcdef0123456789abcdef01234567",
        "lr: 0.001\nmax_tokens: 4096\npad_token: '<pad>'\neos_token: '</s>'",
        "tokenizer: bert-base-uncased\nmask_token: '[MASK]'\nimage_token: img",
        "key: value\nsort_key: name\nkeys: [a, b]",
        "A task-specific-fine-tuning-of-gpt-2, disk-based-storage-v2-with-B-trees",
        "password: ${DB_PASSWORD}\nsecret: null\npassword: ''\npassword: '***'\npasswd: xxxxxxxx",
        "password: DB_PASSWORD\nsecret: /run/secrets/db\nsecret: env:DB\npassword: <your password>",
        "api_key: ${API_KEY}\napi_key: os.environ['API_KEY']\ntoken: abc",
        "origin: s3://bucket/prefix?endpoint=https://minio.example.org:9000",
        "origin: https://example.org:8080/models@v1\norigin: ssh://git@example.org:22/x@y",
        "origin: sftp://ada.lovelace@host/x\norigin: abfs://container@account.dfs.core.windows.net",
        "origin: https://${USER}:${PASSWORD}@example.org",
        "origin: https://user:<password>@example.org",
        "signature: serving_default\nauth: sigv4\npasses: 3\npass: 2",
        "accuracy: 0.93\nloss: 1e-05",
        "args: [--max-tokens, 512, --no-password, --lr, 3, --token-file, x, --password]",
        "cmd: train --password $PW --api-key=${KEY} --token *** --use-token --lr 3",
        "cmd: docker run --user 1000:1000 --user app:app --auth basic",
        "cmd: gpg --recv-keys 0123456789ABCDEF0123456789ABCDEF01234567",
        "user@host:path, git@host:a:b@c, model:v1@production, image:tag@sha256:0123abcd",
        "at 10:30@noon, T10:30@noon, recall:precision@k, a:b@blake3:0123abcd, C:\\x@example.org/y",
        "ada@example.org, mailto:ada@example.org?subject=x, owner:ada99@example.org, cc:a@x.org",
        "models:/digits@champion, alice:${PASSWORD}@db.example.org",
        "password:\nuser: ada\ntoken:\n  pad: x\n  eos: y\nsecret:\n",
        "password:\n'user': ada\nsecret:\n  # none\n  name of it: ada",
        '{"secret":\n  {"name": "ada"}, "password":\n  null}',
        "tokenizer_key: words\nresult_key: explainabilitiesofall\napi_key: YourApiKeyGoesHere",
        "api_key: null\napi_key: none\ninput_token: ExclusiveStartShardId\nauth: clientcredentials",
        "sk-learn-GridSearchCV-n5-cv3-2024, sk-learn-XGBClassifier-v2-0017-best-model",
        "cs-sk-0123456789abcdef0123, my-sk-Model-V2-0a1b2c3d4e5f6a7b8c9d",
        "pypi-classification-of-packages-by-name-v2",
        "prng_key: 0x0123456789abcdef\nrngKey: 0x0123456789abcdef\nexperiment_key: " + "0a1b" * 8,
        "postgresql://user1@db, postgresql+psycopg2://analytics_readonly_user1@db",
        "serve: vllm --api-key EMPTY --initializer_token toy --trigger-token sks",
        "detect:yolo11n@coco, train:2024-01-15@v2",
        "n_secret: 1000, num_pass: 20000",
    ],
)
def test_what_is_no_secret(text):
    assert find_secrets(text) == []


def test_the_line_of_each_and_one_for_a_line():
    text = f"a: 1\npassword: hunter2  # {AWS}\nb: 2\r\n\nurl: s3://a:b@c\n"
    assert [(each.line, each.what) for each in find_secrets(text)] == [
        (2, "an AWS access key"),
        (5, "a URL with a password or token"),
    ]


def test_a_line_that_says_that_it_is_none():
    assert find_secrets(f"password: hunter2  # {ALLOWED}\npassword: hunter3")[0].line == 2


def test_prose_may_speak_of_passwords():
    text = "The password: ask Ada. Secret: none of it. Token: `abc`.\n"
    assert find_secrets(text, prose=True) == []
    assert find_secrets(f"The token: {'a1' * 10}", prose=True)
    assert find_secrets(f"Use {AWS}.", prose=True)


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "password", "://", "://a:", "sk-", "sk-a1-", "-eyJaaaaaaaa", "-----BEGIN A "),
        *("--a ", "--token,", ",a:b", "a:\n", "password:\n", 'a:\n"'),
    ],
)
def test_what_was_made_to_take_for_ever_does_not(piece):
    assert find_secrets(piece * (10**6 // len(piece))) == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http:/a:b@h/x", "http:/***@h/x"),
        ("see 'HTTPS:///a:b@h/x'", "see 'HTTPS:///***@h/x'"),
        ("https//a@h/x", "https//***@h/x"),
        ("//a:b@h/x //a@h", "//***@h/x //***@h"),
        ("ssh:/a:b@h/x", "ssh:/***@h/x"),
        ("'a:b@h:x.git'", "'***@h:x.git'"),
        ("a:b@c@h.org, [a:b@[::1]:1]", "***@h.org, [***@[::1]:1]"),
        ("postgresql://ada@db postgresql://ada:b@db", "postgresql://ada@db postgresql://***@db"),
        ("https://***@h/x, ***@h/x", "https://***@h/x, ***@h/x"),
        (
            "model:v1@production, x@y:z, models:/m@best",
            "model:v1@production, x@y:z, models:/m@best",
        ),
    ],
)
def test_a_message_is_shown_without_logins(text, shown):
    assert without_logins(text) == shown
