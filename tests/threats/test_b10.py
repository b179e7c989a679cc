"""B10: what a run records of its command line holds no secret, and stays readable."""

from __future__ import annotations

import json
import sys

import pytest

from gitmodel.errors import IntegrityError
from gitmodel.lineage import parse_lineage
from gitmodel.masking import masked
from gitmodel.porcelain.staged import secrets_of
from gitmodel.secrets import find_secrets
from gitmodel.sidecar import masked_params, metric_of, without_secrets
from tests.helpers.inside import runner
from tests.helpers.repo import Repo, noise

C = "CANARY"
# As services write them; in parts, so that nobody who searches this file takes them for real.
HEX = "0123456789abcdef" * 2
PEM = f"-----BEGIN OPENSSH {'PRIVATE'} KEY-----\n{C}b64\n{C}\n-----END OPENSSH PRIVATE KEY-----"
LEAKS = {
    "bundled options of curl": ["curl", "-sSu", f"me:{C}", "https://h"],
    "bundled options of ldapsearch": ["ldapsearch", "-xw", C],
    "call with a name": ["python", "-c", f"wandb.login(key='{C}')"],
    "sudo from a pipe": ["sh", "-c", f"echo {C} | sudo -S make"],
    "german": ["x", "--passwort", C],
    "french": ["x", f"--mot-de-passe={C}"],
    "passphrase of a key": ["ssh-keygen", "-t", "rsa", "-N", C],
    "value in a vault": ["vault", "kv", "put", "secret/x", f"value={C}"],
    "authtoken": ["ngrok", "authtoken", C],
    "token of anaconda": ["conda", "config", "--set", "c", f"https://conda.anaconda.org/t/{C}/c"],
    "token of poetry": ["poetry", "config", "pypi-token.pypi", C],
    # The header of a request
    "authorization token": ["curl", "-H", f"Authorization: token {C}"],
    "authorization basic": ["curl", "-H", f"Authorization: Basic {C}zOnBhc3M="],
    "authorization bearer": ["curl", "-H", f"authorization:Bearer {C}"],
    "authorization digest": ["curl", "-H", f'Authorization: Digest username="a", response="{C}"'],
    "authorization with two words": ["--header=Authorization: ApiKey x " + C],
    "proxy authorization": ["curl", "-H", f"Proxy-Authorization: Basic {C}"],
    "cookie": ["curl", "-H", f"Cookie: a=b; s={C}"],
    "set-cookie": [f"Set-Cookie: id={C}; Path=/"],
    "curl cookie": ["curl", "-b", f"a=b; s={C}"],
    "api key header": ["curl", "-H", f"X-Api-Key: {C}"],
    "gitlab header": ["curl", "--header", f"PRIVATE-TOKEN: {C}"],
    "subscription key": ["curl", "-H", f"Ocp-Apim-Subscription-Key: {C}"],
    "bearer alone": ["--bearer", C],
    "bearer in a text": [f"say Bearer {C}1"],
    "header with a name and value apart": ["Authorization:", C],
    # Values that do not end where one might think
    "comma": [f"--password=a,{C}"],
    "semicolon": [f"--password=a;{C}"],
    "ampersand": [f"--password=a&{C}"],
    "double quote": [f'--password=a"{C}'],
    "single quote": [f"--password=a'{C}"],
    "blank": [f"--password=pa ss {C}"],
    "tab": [f"--password=pa\t{C}"],
    "line end": [f"--password=pa\n{C}"],
    "equals": [f"--password=={C}"],
    "leading blank": [f"--password= {C}"],
    "dash": ["--password", f"-{C}"],
    "two dashes": ["--password", f"--{C}"],
    "token with a dash": ["--hf-token", f"-{C}"],
    "backslash": [f"--password=a\\{C}"],
    "dollar": ["--password", f"$ecret{C}"],
    "braces": [f"--password={{{C}}}"],
    "empty, then more": [f"--password=,{C}"],
    "begins as a quote": [f"--password='a'{C}"],
    "begins as a placeholder": [f"--password=<{C}>"],
    "begins with a mask": [f"--password=*** {C}"],
    # A command in an argument
    "bash -c": ["bash", "-c", f"python t.py --hf-token {C}"],
    "bash -lc": ["bash", "-lc", f"python t.py --hf-token={C}"],
    "sh -c export": ["sh", "-c", f"export TOKEN='{C} x'"],
    "sh -c export, double": ["sh", "-c", f'export TOKEN="x {C}"; python t.py'],
    "sh -c prefix": ["sh", "-c", f"TOKEN={C} python t.py"],
    "nested twice": ["sh", "-c", f"bash -c 'python t.py --api-key {C}'"],
    "nested thrice": ["sh", "-c", f"sh -c \"sh -c 'x --api-key {C}'\""],
    "nested header": ["sh", "-c", f"curl -H 'Authorization: token {C}' https://h/x"],
    "unbalanced quotes": ["sh", "-c", f"python t.py --note don't --hf-token {C}"],
    "ssh": ["ssh", "host", f"python t.py --hf-token {C}"],
    "here string": ["bash", "-c", f"docker login --password-stdin <<<{C}"],
    "here string with a blank": ["bash", "-c", f"docker login --password-stdin <<< '{C}'"],
    "echo into login": ["sh", "-c", f"echo {C} | docker login -u me --password-stdin"],
    "echo into gh": ["sh", "-c", f"echo {C} | gh auth login --with-token"],
    "python -c": ["python", "-c", f"import os; os.environ['HF_TOKEN'] = '{C} x'"],
    "python -c call": ["python", "-c", f"from hub import login; login('{C}')"],
    "python -c keyword": ["python", "-c", f"login(token='{C}', add=True)"],
    "python -c setter": ["python", "-c", f'client.set_api_key("{C}")'],
    "env": ["env", f"GITHUB_TOKEN={C}", "python", "t.py"],
    "fish": ["fish", "-c", f"set -x API_TOKEN {C}"],
    "csh": ["csh", "-c", f"setenv API_TOKEN {C}"],
    "make": ["make", "train", f"TOKEN={C}"],
    # Data in an argument
    "json": ["--config", f'{{"password": "{C}"}}'],
    "json with a blank": ["--config", f'{{"password": "a {C}", "lr": 1}}'],
    "json without blanks": ["--config", f'{{"a":{{"apiKey":"{C}"}}}}'],
    "json in json": ["--config", f'"{{\\"password\\": \\"{C}\\"}}"'],
    "json escape": ["--config", f'{{"password": "a\\"{C}"}}'],
    "json number": ["--config", f'{{"password": 1{C}}}'],
    "json list": ["--config", f'{{"passwords": ["a", "{C}"]}}'],
    "json object": ["--config", f'{{"secrets": {{"a": "{C}"}}}}'],
    "json over lines": ["--config", f'{{\n  "password":\n    "{C}"\n}}'],
    "python dict": ["--config", f"{{'password': '{C}'}}"],
    "yaml": ["--set", f"db: x\npassword: a b {C}\n"],
    "yaml block": ["--set", f"password: |-\n  {C}\n"],
    "yaml flow": ["--set", f"{{user: a, password: {C}, x: 1}}"],
    "dotenv": [f"A=1\nexport TOKEN={C}\nB=2"],
    "toml": [f"[db]\npassword = '{C}'"],
    "ini": [f"[db]\npassword = a {C}"],
    "netrc": [f"machine h login me password {C}"],
    "xml": [f"<password>{C}</password>"],
    "hydra": ["db.password=a," + C],
    "helm": ["helm", "install", "--set", f"a=1,db.password={C},b=2"],
    "helm, quoted": ["--set", f'a=1,password="x {C}"'],
    # Names
    "PGPASSWORD": [f"PGPASSWORD={C}"],
    "DBPASS": [f"DBPASS={C}"],
    "SSHPASS": [f"SSHPASS={C}"],
    "MYSQL_PWD": [f"MYSQL_PWD={C}"],
    "WANDB_KEY": [f"WANDB_KEY={C}"],
    "OPENAI_KEY": [f"OPENAI_KEY={C}"],
    "GH_PAT": [f"GH_PAT={C}"],
    "HUGGING_FACE_HUB_TOKEN": [f"HUGGING_FACE_HUB_TOKEN={C}"],
    "AWS_SESSION_TOKEN": [f"AWS_SESSION_TOKEN={C}"],
    "DJANGO_SECRET_KEY": [f"DJANGO_SECRET_KEY={C}"],
    "--apitoken": ["--apitoken", C],
    "--accesstoken": ["--accesstoken", C],
    "--pat": ["--pat", C],
    "--jwt": ["--jwt", C],
    "--storage-key": ["--storage-key", C],
    "--wandb-key": ["--wandb-key", C],
    "--otp": ["npm", "publish", f"--otp={C}"],
    "--pw": ["--pw", C],
    "--password2": ["--password2", C],
    "one dash": ["-password", C],
    "camel": ["--dbPassword", C],
    "java": ["java", f"-Dhttp.proxyPassword={C}", "-jar", "x.jar"],
    "with a colon": [f"--password:{C}"],
    "with a blank in the name": [f"API key: {C}"],
    "equals apart": ["sh", "-c", f"x --password = {C}"],
    # URLs
    "at in a password": [f"postgres://u:p@{C}@h/db"],
    "slash in a password": [f"postgres://u:p/{C}@h"],
    "colon in a password": [f"postgres://u:p:{C}@h"],
    "hash in a password": [f"postgres://u:p#{C}@h"],
    "question in a password": [f"postgres://u:p?{C}@h"],
    "digits and a slash": [f"amqp://u:12/{C}@h"],
    "user alone": [f"https://{C}@github.com/a/b"],
    "no user": [f"redis://:{C}@h:6379/0"],
    "in an option": [f"--repo=https://me:{C}@h/x.git"],
    "in json": [f'{{"url":"mongodb+srv://u:{C}@h/x"}}'],
    "two urls": [f"a://h/x,b://u:{C}@h"],
    "without a scheme": [f"u:{C}@h:/x"],
    "git": ["git", "clone", f"https://oauth2:{C}@gitlab.example.org/a.git"],
    "pip": ["pip", "install", f"git+https://x-access-token:{C}@github.com/a/b@v1"],
    "jdbc": [f"jdbc:postgresql://h/db?user=u&password={C}"],
    "jdbc oracle": [f"jdbc:oracle:thin:scott/{C}@//h:1521/x"],
    "sqlplus": ["sqlplus", f"scott/{C}@db"],
    "query": [f"https://h/x?a=1&access_token={C}&b=2"],
    "query key": [f"https://maps.example.org/x?key={C}"],
    "query ampersand": [f"https://h/x?password=a&{C}"],
    "presigned": [f"https://b.s3.amazonaws.com/k?X-Amz-Signature={C}&X-Amz-Expires=3600"],
    "presigned credential": [f"https://b.s3.amazonaws.com/k?X-Amz-Credential={C}%2F2024"],
    "sas": [f"https://a.blob.core.windows.net/c/b?sv=2024&sig={C}%3D&se=x"],
    "cloudfront": [f"https://d.cloudfront.net/k?Policy=x&Signature={C}&Key-Pair-Id=y"],
    "fragment": [f"https://h/x#access_token={C}&x=1"],
    "percent-encoded": [f"https://h/login?next=%3Fpassword%3D{C}"],
    "percent-encoded json": [f"data=%7B%22password%22%3A%22{C}%22%7D"],
    "slack webhook": [f"https://hooks.slack.com/services/T0/B0/{C}"],
    "discord webhook": [f"https://discord.com/api/webhooks/1/{C}"],
    "teams webhook": [f"https://x.webhook.office.com/webhookb2/{C}"],
    "telegram": [f"https://api.telegram.org/bot1:{C}/sendMessage"],
    # Options of other tools
    "curl -u": ["curl", "-u", f"me:{C}", "https://h"],
    "curl -u attached": ["curl", f"-ume:{C}"],
    "curl --user": ["curl", "--user", f"me:{C}"],
    "curl --user=": ["curl", f"--user=me:{C}"],
    "curl --proxy-user": ["curl", "--proxy-user", f"me:{C}"],
    "curl -E": ["curl", "-E", f"cert.pem:{C}"],
    "full path": ["/usr/bin/curl", "-u", f"me:{C}"],
    "wget": ["wget", f"--http-password={C}"],
    "httpie": ["http", "-a", f"me:{C}", "h"],
    "mysql": ["mysql", "-u", "root", f"-p{C}", "db"],
    "influx": ["influx", "-username", "a", "-password", C],
    "mysqldump": ["mysqldump", f"-p{C}", "--all-databases"],
    "mysql nested": ["sh", "-c", f"mysql -uroot -p{C} < x.sql"],
    "docker exec mysql": ["docker", "exec", "db", "mysql", f"-p{C}"],
    "docker login": ["docker", "login", "-u", "me", "-p", C, "registry.example.org"],
    "docker env": ["docker", "run", "-e", f"TOKEN={C}", "image"],
    "docker build": ["docker", "build", "--build-arg", f"NPM_TOKEN={C}", "."],
    "az": ["az", "login", "--service-principal", "-p", C],
    "aws configure": ["aws", "configure", "set", "aws_secret_access_key", C],
    "kubectl": ["kubectl", "--token", C, "get", "pods"],
    "kubectl secret": ["kubectl", "create", "secret", "generic", "x", f"--from-literal=a={C}"],
    "gh": ["gh", "secret", "set", "X", "--body", C],
    "git -c": ["git", "-c", f"http.extraHeader=Authorization: Basic {C}", "fetch"],
    "git -c, by url": ["git", "-c", f"http.https://h/.extraHeader=AUTHORIZATION: bearer {C}"],
    "git config": ["git", "config", "http.extraHeader", f"X-Token: {C}"],
    "npm": ["npm", "config", "set", f"//registry.npmjs.org/:_authToken={C}"],
    "npm apart": ["npm", "config", "set", "//registry.npmjs.org/:_authToken", C],
    "dvc": ["dvc", "remote", "modify", "--local", "r", "secret_access_key", C],
    "hf": ["hf", "auth", "login", "--token", C],
    "wandb": ["wandb", "login", C],
    "wandb again": ["wandb", "login", "--relogin", C],
    "vault": ["vault", "login", C],
    "redis-cli": ["redis-cli", "-a", C],
    "sshpass": ["sshpass", "-p", C, "ssh", "h"],
    "sshpass attached": ["sshpass", f"-p{C}", "ssh", "h"],
    "mongo": ["mongosh", "-u", "me", "-p", C],
    "ldapsearch": ["ldapsearch", "-x", "-w", C],
    "smbclient": ["smbclient", "//h/s", "-U", f"me%{C}"],
    "7z": ["7z", "a", f"-p{C}", "x.7z"],
    "unzip": ["unzip", "-P", C, "x.zip"],
    "openssl": ["openssl", "rsa", "-passin", f"pass:{C}"],
    "openssl enc": ["openssl", "enc", "-k", C],
    "gpg": ["gpg", "--batch", "--passphrase", C],
    "rclone": ["rclone", "--sftp-pass", C],
    "ansible": ["ansible", "-e", f"ansible_password={C}"],
    "terraform": ["terraform", "apply", "-var", f"db_password={C}"],
    "twine": ["twine", "upload", "-u", "__token__", "-p", C],
    "plink": ["plink", "-pw", C, "h"],
    "windows": ["xfreerdp", f"/password:{C}"],
    "windows short": ["xfreerdp", f"/p:{C}"],
    "windows apart": ["net", "/password", C],
    # What services hand out, wherever it stands
    "aws": [f"x-AKIA{C}{C}ABCD"],
    "hugging face": ["hf_" + C + "abcdefghijklmnop"],
    "github": ["note ghp_" + C + HEX],
    "github fine-grained": ["github_pat_" + C + HEX],
    "gitlab": ["glpat-" + C + HEX],
    "slack": ["xoxb-1-" + C + HEX],
    "openai": ["sk-proj-" + C + HEX],
    "anthropic": ["sk-ant-api03-" + C + HEX],
    "google": ["AIza" + C + HEX],
    "npm token": ["npm_" + C + HEX],
    "pypi": ["pypi-AgE" + C + HEX],
    "stripe": ["sk_live_" + C + HEX],
    "jwt": ["eyJhbGciOiJ." + C + ".x"],
    "private key": [PEM],
    "private key in json": [json.dumps({"k": PEM})],
    "private key that was cut": [PEM[:60]],
    "azure connection string": [f"AccountName=a;AccountKey={C}==;EndpointSuffix=core.windows.net"],
    "azure service bus": [f"Endpoint=sb://x/;SharedAccessKeyName=a;SharedAccessKey={C}"],
    "ado.net": [f"Server=h;User Id=sa;Password={C};"],
    "odbc": [f"DRIVER=x;UID=sa;PWD={C}"],
    "libpq": [f"host=h user=u password={C} dbname=x"],
    # Signs that look like others
    "full width": [f"ｐａｓｓｗｏｒｄ＝{C}"],
    "cyrillic": [f"--p\u0430ssword={C}"],
    "cyrillic apart": ["--p\u0430ssword", C],
    "zero width": [f"--pass\u200bword={C}"],
    "zero width apart": ["--pass\u200bword", C],
    "soft hyphen": [f"pass\u00adword={C}"],
    "no-break space": [f"password:\u00a0{C}"],
    "em dash": ["—password", C],
    "en dashes": ["––api-key", C],
}
INNOCENT = [
    *("--glob data/**/a.png --only {a,b}/c.png", "--from $(pwd)/x --to ${HOME}/y --any data/?/z"),
    *("curl -fsSL https://h/x", "mysql -uroot db", "get_name(key=name)", "sort -S 1G x"),
    *("python train.py --tokenizer bert --max-tokens 512 --key-dim 64", "--author X --patience 3"),
    *("--pad-token <pad> --eos-token-id 2 --num_tokens=5", "--tokens-per-batch 4096 --passes 3"),
    *("--sort-key name --group-key=user --primary_key id", "--num-key-value-heads 8 --key value"),
    *("--signature-def serving_default", "--signature serving_default", "--auth-type basic"),
    *("--public-key id --cache_key a --label-key y", "--password-file pw.txt --token-path t.txt"),
    *("--no-password --lr 3", "--use-special-tokens --lr 3", "--compass n --bypass yes"),
    *("docker run -p 8080:80 -u 1000:1000 nginx", "ssh -p 22 git@example.org", "python -u t.py"),
    *("mysql -u root -P 3306 -h db", "image:tag@sha256:0123abcd", "nginx@sha256:0123abcd"),
    *("git@github.com:a/b.git", "ssh://git@example.org:22/x@y", "sftp://ada@host/x"),
    *("https://medium.com/@ada/x", "https://example.org:8080/models@v1", "s3://bucket/user@x"),
    *("git+https://github.com/a/b@v1", "abfs://c@a.dfs.core.windows.net/x", "npm:left-pad@1.0"),
    *("https://h/x?page=2&sort=asc", "x==1.0 y>=2", "a=b c:d", "--time 12:30:00", "--ratio 3:1"),
    *("--monkey 1 --turkey=2 --keyboard us", "--secretary ada", "task-specific-fine-tuning-v2"),
    *("sk-learn-pipeline-name", "hf_model hf_cache", "--basic-block 3", "--pin-memory=True"),
    *("gh auth status", "vault token lookup", "kubectl get secret", "aws configure list"),
    *("wandb login", "docker login registry.example.org", "git config user.name ada"),
    *("key: value", "the pass of 2", "forward_pass=2", "--lowpass 5 --n-pass 2"),
    *("api_keys.py --lr 1", "credentials.json --lr 1", "add_eos_token=True", "max_new_tokens=20"),
    *("0123456789abcdef0123456789abcdef01234567", "--revision 0123456789abcdef0123456789abcdef"),
    *("optimizer.lr=0.1,0.2 model.dim=64", "--mask-token [MASK] --image-token img"),
]


TOKEN = "ghp_" + "0123456789abcdefghijABCDEFGHIJ012345"
PASSWORD = "hunter9999"
SECRET = "sk-proj-4vhT9sXq2LmN8pRw7yBz3cKdJfGh5aUe"


def test_b10_a_run_writes_no_secret_among_its_params(repo: Repo) -> None:
    repo.write("model.pt", noise("model", 1000))
    params = {"lr": 0.1, "api_key": SECRET, "wandb": {"url": f"https://u:{SECRET}@h/x", "rank": 2}}
    script = f"import gitmodel\nwith gitmodel.run(params={params!r}) as run: run.save('model.pt')"
    done = repo.run(sys.executable, "-c", script)
    assert "api_key" in done.err
    assert "wandb.url" in done.err
    assert repo.read("model.params.yaml") == b"lr: 0.1\nwandb:\n  rank: 2\n"
    done = repo.gitmodel("run", "--save", "model.pt", "--", sys.executable, "-c", script)
    assert "not written: api_key" in done.err
    assert SECRET not in "".join(path.read_text() for path in repo.path.glob("model.*.*"))


SPELLINGS = {
    "a.yaml": (
        f'"pass\\x77ord": {PASSWORD}',
        f"password{' ' * 40}: {PASSWORD}",
        f"password: {{value: {PASSWORD}}}",
        f"passwords:\n- a\n- {PASSWORD}",
        f"secrets: {{db: {PASSWORD}}}",
        *(
            f"note: password={PASSWORD}",
            f"env: DB_PASSWORD={PASSWORD}",
            f"x: 'password: {PASSWORD}'",
        ),
        *(f"conn: Password={PASSWORD};Server=x", f"x: [password: {PASSWORD}]"),
        f"{'a' * 200}_password: {PASSWORD}",
        f'words:\n- "\\x2d-password={PASSWORD}"',
    ),
    "a.json": (
        f'{{"pass\\u0077ord": "{PASSWORD}"}}',
        f'{{"pass\\u0077ord": "\\u0068-{PASSWORD}"}}',
    ),
}


@pytest.mark.parametrize("path", SPELLINGS)
def test_b10_a_secret_is_found_however_a_file_spells_it(path: str) -> None:
    for text in SPELLINGS[path]:
        kept = "lr: 1\n" if path == "a.yaml" else "\n"
        found = secrets_of(path, f"{kept}{text}\n".encode())
        assert [each.line for each in found] in ([2], [3], [4]), text
        assert PASSWORD not in str(masked_params(f"{kept}{text}\n".encode(), path)), text


def test_b10_what_is_said_to_be_no_secret_is_none_wherever_there_is_another() -> None:
    plain = f'"pass\\x77ord": {PASSWORD}  # pragma: allowlist secret\nlr: 1\n'.encode()
    assert secrets_of("a.yaml", plain) == []
    assert masked_params(plain, "a.yaml") == {"password": PASSWORD, "lr": 1}
    shown = masked_params(plain + b"api_key: " + SECRET.encode(), "a.yaml")
    assert shown == {"password": PASSWORD, "lr": 1, "api_key": "***"}


def test_b10_a_lineage_that_others_wrote_is_shown_without_its_secrets(
    repo: Repo, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.write("t.py", "open('m.bin', 'w').write('1')\n")
    repo.commit()
    repo.gitmodel("run", "--save", "m.bin", "--", sys.executable, "t.py", "--password", "***")
    (path,) = repo.path.glob("*.lineage.yaml")
    steps = f"steps:\n- curl -u me:{PASSWORD} https://h -o /home/ada/d.bin\ncode:"
    text = path.read_text().replace("***", PASSWORD).replace("code:", steps)
    path.write_text(text)
    repo.commit("edited")
    repo.git("tag", "m-v1.0")
    for command in (["lineage", "m"], ["lineage", "m", "--json"], ["card", "m@v1.0"]):
        done = runner(capsys, monkeypatch)(repo, *command)
        assert not done.code, done.err
        assert "***" in done.out
        assert PASSWORD not in done.out + done.err
        assert "-o d.bin" in done.out


@pytest.mark.parametrize("how", ["gitmodel", "git"])
def test_b10_no_secret_in_params_gets_into_a_commit_or_a_version(repo: Repo, how: str) -> None:
    repo.write("model.pt", noise("model", 1000))
    repo.gitmodel("add", "model.pt")
    repo.gitmodel("install", "--tag-guard")
    repo.write("model.params.yaml", f"lr: 0.1\napi_key: {SECRET}\n")
    repo.git("add", "-A")
    done = repo.run("git", "commit", "-qm", "first")
    assert done.code != 0
    assert "'model.params.yaml', line 2" in done.err
    assert SECRET not in done.err
    repo.git("commit", "-qm", "first", "--no-verify")
    command = ("gitmodel", "tag", "model-v1.0") if how == "gitmodel" else ("git", "tag", "v1.0")
    done = repo.run(*command)
    assert done.code != 0
    assert "'model.params.yaml', line 2" in done.err
    assert SECRET not in done.err
    assert repo.git("tag") == ""
    repo.git("-c", "core.hooksPath=/dev/null", "tag", "model-v1.0")
    done = repo.gitmodel("card", "model@v1.0")
    assert SECRET not in done.out + done.err
    assert "api_key" in done.err
    repo.gitmodel("export", "hf-folder", "model@v1.0", "-o", "out")
    assert not any(SECRET in path.read_text("latin-1") for path in repo.path.glob("out/*"))
    repo.write("model.params.yaml", f"lr: 0.1\napi_key: {SECRET}  # pragma: allowlist secret\n")
    repo.commit("second")
    repo.gitmodel("tag", "model-v1.1")


@pytest.mark.parametrize("name", LEAKS)
def test_b10_no_spelling_of_a_secret_is_recorded(name: str) -> None:
    written = masked(["run", *LEAKS[name], "--epochs", "3"], "/home/ada/ranker")
    assert C not in "\n".join(written), written
    # What follows is not taken for a part of it.
    assert written[-2:] == ("--epochs", "3")


@pytest.mark.parametrize("line", INNOCENT)
def test_b10_an_innocent_command_line_stays_as_it_is(line: str) -> None:
    words = tuple(line.split())
    assert masked(words, "/home/ada/ranker") == words
    # So does the whole of it where it is the text of a shell, or of something else.
    assert masked(["sh", "-c", line], "/home/ada/ranker")[2] == line
    assert find_secrets(line) == []


def test_b10_a_command_in_a_command_stays_readable() -> None:
    line = f"cd src && TOKEN={C} python 'my train.py' --hf-token {C} --lr 3"
    shown = "cd src && TOKEN=*** python 'my train.py' --hf-token *** --lr 3"
    assert masked(["bash", "-c", line], "/home/ada/ranker") == ("bash", "-c", shown)


def test_b10_a_run_records_no_secret(repo: Repo) -> None:
    repo.write("t.py", "open('m.bin', 'w').write('1')\n")
    repo.commit()
    command = (sys.executable, "t.py", "--password", f"-{C}", f"Authorization: token {C}")
    repo.gitmodel("run", "--save", "m.bin", "--", *command)
    (path,) = repo.path.glob("*.lineage.yaml")
    assert C.encode() not in path.read_bytes()
    assert "--password" in parse_lineage(path.read_bytes(), path.name).command


@pytest.mark.parametrize(
    "piece",
    [
        *("a", "a=", "key=", "password", "://", "a://b@", "a:b@", "-", "{", '"', "'", "\\", "%25"),
        *("sk-", "eyJ", "-----BEGIN A PRIVATE KEY-----", "Bearer ", "login(", "<<<", "key: ", "=>"),
        *("password='", "?key=", "jdbc:oracle:x:", " ", "\u0430", "secret_", "a.", "echo | "),
    ],
)
def test_b12_masking_takes_time_in_proportion(piece: str) -> None:
    # What is longer is cut before anybody looks at it: a megabyte costs no more than 32 kB.
    long = (piece * (32_000 // len(piece) + 1))[:32_000]
    masked(["run", long, "x"], "/")
    assert masked(["run", long * 40, "x"], "/") == ("run", "…")
    assert len(find_secrets(long)) <= 1


@pytest.mark.parametrize(
    "command",
    [
        *(["show", "v1.0"], ["show", "v1.0", "--json"], ["versions"], ["versions", "--json"]),
        *(["versions", "--csv"], ["lineage", "v1.0"]),
        *(["compare", "v1.0", "HEAD", "--all", *kind] for kind in ([], ["--md"], ["--json"])),
        *(["card", "v1.0"], ["export", "hf-folder", "v1.0", "-o", "../out"]),
    ],
    ids=" ".join,
)
def test_b10_what_was_committed_all_the_same_is_not_shown(
    repo: Repo,
    command: list[str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(2):
        repo.write("model.pt", str(number))
        params = (
            f'lr: 0.1\n"api\\x5fkey"      : {SECRET}{number}\n{TOKEN}: 1\nDB_PASS: {PASSWORD}\n'
        )
        repo.write("model.params.yaml", params)
        metrics = f'{{"{TOKEN}": 1, "acc": {{"value": 1, "split": "{TOKEN}"}}}}'
        repo.write("model.metrics.json", metrics)
        repo.gitmodel("add", "model.pt")
        repo.commit(str(number))
        repo.git("tag", f"v1.{number}")
    done = runner(capsys, monkeypatch)(repo, *command)
    assert not done.code, done.err
    for each in (SECRET, TOKEN, PASSWORD):
        assert each not in done.out + done.err
    for path in repo.path.parent.glob("out/**/*.*"):
        assert SECRET not in path.read_text()
    if command[0] in ("show", "compare") or "--json" in command:
        assert "***" in done.out


def test_b10_a_secret_is_found_wherever_it_lies_among_params() -> None:
    params = {
        "stages": [{"password": "hunter2"}],
        "credentials": {"value": "abcd1234efgh5678ijkl"},
        "password": 12345678,
        "wandb": {"url": "https://u:pp12345@h/x", "rank": 2},
        "optimizer": {"lr": 0.1, "sort_key": "loss"},
        "args": ["--lr", 0.1, "--password", 1234],
        "cmd": "train --api-key abc --lr 0.1",
        "stage": {"args": ["--token=abc"], "db": "alice:s3cret@db.example.org/x"},
        TOKEN: True,
        "keys": {TOKEN: None, "a": 1},
        "words": ["--max-tokens", 512, "--lr", 0.1],
    }
    plain, hidden = without_secrets(params)
    assert plain == {
        "wandb": {"rank": 2},
        "optimizer": params["optimizer"],
        "stage": {},
        "keys": {"a": 1},
        "words": params["words"],
    }
    assert hidden == (
        *("stages", "credentials", "password", "wandb.url", "args", "cmd"),
        *("stage.args", "stage.db", "***", "keys.***"),
    )


BROKEN = {
    "model.metrics.json": (
        f'{{"accuracy": "{SECRET}"}}',
        '{"pass\\u0077ord": "CANARY"}',
        '{"password": "CANARY"}',
        f'{{\n"{TOKEN}": [1]}}',
        f'{{"a": 1, "a": {TOKEN}}}',
    ),
    "model.params.yaml": (f"a: &{TOKEN} 1", f"lr: 1\n{TOKEN}: 1\n{TOKEN}: 2"),
    "model.lineage.yaml": (f"gitmodel-lineage: 1\n{TOKEN}: 1",),
    "model.curves.csv": (f"step,a\n1,{TOKEN}",),
    "model.card.md": (f"---\n{TOKEN}: 1\n{TOKEN}: 2\n---\n", f"---\nlicense: {TOKEN}\n---\n"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_b10_what_is_wrong_with_a_file_is_told_without_its_secrets(
    story: Repo, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = runner(capsys, monkeypatch)
    for text in BROKEN[name]:
        story.write(name, text)
        story.commit()
        for command in COMMANDS:
            done = run(story, *command)
            for secret in (SECRET, TOKEN, "CANARY"):
                assert secret[:16] not in done.out + done.err, command
        assert f"'{name}', line " in run(story, "check-staged", "secrets", "--", name).err


def test_b10_a_metric_that_holds_a_secret_is_in_no_card(story: Repo) -> None:
    story.write("model.metrics.json", f'{{"a": {{"value": 1, "split": "{TOKEN}"}}, "b": 2}}')
    story.commit()
    done = story.gitmodel("card", "model@HEAD")
    assert TOKEN not in done.out + done.err
    assert "the metric 'a' looks like a secret" in done.err
    with pytest.raises(IntegrityError, match="holds a secret"):
        metric_of("accuracy", TOKEN, {})


COMMANDS = [
    *(("versions", "--all"), ("show", "model@HEAD"), ("card", "model@HEAD"), ("tag", "model-v9.0")),
    *(("compare", "HEAD~1", "HEAD"), ("diff", "HEAD~1", "HEAD"), ("lineage", "model@HEAD")),
    ("check-staged", "sidecars", "--", *BROKEN),
]
EVERYDAY = """
layer_key: model.layers.0.self_attn.k_proj
obs_key: robot0_eef_pos_state_xyz
ckpt_key: state_dict_epoch_0010
best_key: val_loss_top5_epoch_mean
target_key: next_7_days_revenue_2024
gcs_key: datasets/imagenet/train-00001.tar
fill_token: extra_id_0_sentinel
reserved_token: reserved_special_token_250
ctx_token: ctx_0_learned_16x
model_signature: 8d3c1f0a5b7e9246d8c0f1a3b5e7092846acdf10
signature: inputs_float32_outputs_1
session_id: 20240105T102233abc
pat: patience_20_epochs_x1y2
mfa: english_us_arpa_v2_0_0a
oauth: github_oauth_app_v2_prod
"""
TELLING = """
Password2: hunter2x
db_password_1: hunter2x
url: "https://x.org/a?token=abc1def2ghi3jkl4mno5"
header: "Authorization: Bearer abcd1234efgh5678"
aws_secret_access_key: wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY1
token: a3f5c9d2e8b14765a3f5c9d2e8b14765
api_key: 550e8400-e29b-41d4-a716-446655440000
"""


def test_b10_what_was_put_together_of_words_is_no_secret() -> None:
    assert find_secrets(EVERYDAY) == []
    assert len(find_secrets(TELLING)) == len(TELLING.split("\n")) - 2
