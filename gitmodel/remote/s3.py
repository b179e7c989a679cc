"""Buckets of Amazon S3, and of other services that speak its protocol.

s3fs finds credentials, region and endpoint as all AWS tools do, and owns the one event loop that
all requests run on.  The requests themselves are ours: a ranged read is believed only if it has
the asked length and place, an upload carries a checksum for the server to check, nothing is
overwritten that may not be, and what is worth another try gets one (see `retry`).
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

import s3fs
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from gitmodel.errors import IntegrityError, MissingError, RemoteError, UsageError
from gitmodel.printable import shown, their_words
from gitmodel.progress import Far, unheard
from gitmodel.remote.body import ELSEWHERE, Body, Session, read_all
from gitmodel.remote.checksum import crc32
from gitmodel.remote.file import LARGEST, MOST, File, check_size, endless
from gitmodel.remote.retry import Patience, RefusedError, Retries, TryAgainError
from gitmodel.remote.store import Access, move_by_copy
from gitmodel.url import Url

_IDLE = 100
"""Pages in a row on which nothing is, of which some servers send a few."""
LANES = 8
"""Requests that are under way at once, at most; their bodies are what takes the memory."""

_CREDENTIALS_HINT = "set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_MISSING = {"NoSuchKey", "404", "NotFound"}
_EXISTS = {"PreconditionFailed", "412"}
_NOT_KNOWN = {"NotImplemented", "501"}
_AGAIN = {
    "InternalError",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequests",
    # Another write to the same key was under way: Amazon says to try again.
    "ConditionalRequestConflict",
    "OperationAborted",
    "409",
    "500",
    "502",
    "503",
    "504",
    "BadDigest",
    "XAmzContentSHA256Mismatch",
    "XAmzContentChecksumMismatch",
    "IncompleteBody",
}
_SLOWER = {"SlowDown", "503", "ServiceUnavailable", "TooManyRequests", "Throttling"}
_SKEWED = {"RequestTimeTooSkewed", "RequestExpired"}

_T = TypeVar("_T")


def open_at(text: str, url: Url, access: Access) -> S3Store:
    """Open `s3://bucket/prefix[?endpoint=URL&region=NAME]`; no request is made yet."""
    return S3Store(text, url, access)


class S3Store:
    """A store in a bucket, below a prefix; see `Store`."""

    lanes = LANES

    def __init__(self, text: str, url: Url, access: Access) -> None:
        self.url = text
        self._rate = access.rate
        self._bucket = url.container
        self._prefix = url.path.strip("/")
        self._retries = Retries(Patience(access.timeout, 4 * access.timeout), LANES)
        self._etags: dict[str, str] = {}
        self._conditional = True
        self._running: set[Future[Any]] = set()
        config = {
            # Retries are ours. A signature over the checksum is one over the body.
            "retries": {"total_max_attempts": 1},
            "connect_timeout": access.timeout,
            "read_timeout": access.timeout,
            "max_pool_connections": 2 * LANES,
            "http_session_cls": Session,
            "s3": {"payload_signing_enabled": False},
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        }
        session = {"profile": access.profile} if access.profile else {}
        self._fs = s3fs.S3FileSystem(
            endpoint_url=url.options.get("endpoint"),
            client_kwargs={"region_name": url.options.get("region")},
            config_kwargs=config,
            use_listings_cache=False,
            skip_instance_cache=True,
            **session,
        )

    @property
    def lanes_now(self) -> int:
        """Requests at once that the server is happy with, as far as it was asked."""
        return self._retries.lanes

    def read(
        self, key: str, start: int = 0, length: int | None = None, *, limit: int = LARGEST
    ) -> bytes:
        """Return a part of an object, or all."""
        if length == 0:
            return b""
        arguments = self._at(key)
        if length is not None:
            arguments["Range"] = f"bytes={start}-{start + length - 1}"
            if key in self._etags:
                # What was read of it before and what is read now must be of one object.
                arguments["IfMatch"] = self._etags[key]
        most = limit if length is None else length
        return self._call(key, lambda client: self._get(client, key, arguments, most))

    async def _get(self, client: Any, key: str, arguments: Mapping[str, str], most: int) -> bytes:
        answer = await client.get_object(**arguments)
        wanted, length = arguments.get("Range"), answer.get("ContentLength")
        async with answer["Body"] as body:
            # Before the first byte: nobody knows how many would come.
            if length is None:
                raise TryAgainError("the server did not say how many bytes it would send")
            if wanted is not None:
                place = answer.get("ContentRange", "").partition("/")[0].replace(" ", "=")
                if place != wanted:
                    raise RefusedError(f"asked for {wanted}, the server sent {place or 'all'}")
            check_size(self.url, key, length, most)
            data = await read_all(body, length, self._rate)
        if len(data) != length:
            raise TryAgainError(f"{len(data)} bytes came instead of {length}")
        if wanted is not None:
            self._etags.setdefault(key, answer["ETag"])
        return data

    def size(self, key: str) -> int:
        """Return the size in bytes."""
        return self._call(key, lambda client: self._head(client, key))

    async def _head(self, client: Any, key: str) -> int:
        return int((await client.head_object(**self._at(key)))["ContentLength"])

    def put(self, key: str, data: bytes | memoryview) -> None:
        """Write an object."""
        self._put(key, [data], {})

    def put_new(self, key: str, *parts: bytes | memoryview, far: Far = unheard) -> bool:
        """Write an object unless it exists.

        If an answer is lost, the second try finds what the first one wrote, and returns False.
        """
        if self._conditional:
            try:
                self._put(key, parts, {"IfNoneMatch": "*"}, far)
            except FileExistsError:
                return False
            except NotImplementedError:
                self._conditional = False
            else:
                return True
        try:
            self.size(key)
        except MissingError:
            self._put(key, parts, {}, far)
            return True
        return False

    def _put(
        self,
        key: str,
        parts: Sequence[bytes | memoryview],
        condition: Mapping[str, str],
        far: Far = unheard,
    ) -> None:
        self._etags.pop(key, None)
        # SHA-256 would take as long as all else; what it would add is in the pack's name.
        crc = 0
        for part in parts:
            crc = crc32(part, crc)
        checksum = base64.b64encode(crc.to_bytes(4, "big")).decode()
        body = Body(parts, far, self._rate)
        arguments = {**self._at(key), **condition, "Body": body, "ChecksumCRC32": checksum}
        self._call(key, lambda client: self._stored(client, arguments))

    async def _stored(self, client: Any, arguments: Mapping[str, Any]) -> None:
        # Only who stored the bytes can tell their tag.
        (await client.put_object(**arguments))["ETag"]

    def files(self, prefix: str) -> dict[str, File]:
        """Return name, size and ETag of each object below a prefix, a thousand by request.

        Raises `RemoteError` where the server's answers have no end.
        """
        start = f"{self._key(prefix)}/"
        found: dict[str, File] = {}
        token: str | None = None
        idle = 0
        while True:
            before, known = token, len(found)
            page, token = self._call(prefix, partial(self._page, start, token))
            found.update(page)
            if token is None:
                return found
            idle = 0 if page else idle + 1
            stuck = bool(page) and len(found) == known
            if token == before or stuck or idle > _IDLE or len(found) > MOST:
                raise endless(self.url, prefix, len(found))

    async def _page(
        self, start: str, token: str | None, client: Any
    ) -> tuple[dict[str, File], str | None]:
        more = {"ContinuationToken": token} if token else {}
        page = await client.list_objects_v2(Bucket=self._bucket, Prefix=start, **more)
        found = {
            each["Key"][len(start) :]: File(int(each["Size"]), each.get("ETag", ""))
            for each in page.get("Contents", ())
        }
        return found, page["NextContinuationToken"] if page["IsTruncated"] else None

    def move(self, key: str, new: str) -> bool:
        """Copy an object on the server, look whether the copy is whole, and remove it."""
        source = {"Bucket": self._bucket, "Key": self._key(key)}

        def copy() -> None:
            self._call(new, lambda client: client.copy_object(CopySource=source, **self._at(new)))

        return move_by_copy(self, key, new, copy)

    def delete(self, key: str) -> None:
        """Remove an object, if it is there."""
        self._call(key, lambda client: client.delete_object(**self._at(key)))

    def sweep(self) -> None:
        """Nothing is ever half written: each object is written by one request."""

    def leftovers(self) -> Sequence[str]:
        """Nothing is ever half written."""
        return ()

    def abort(self) -> None:
        """Give up the requests that are under way on other threads."""
        for future in list(self._running):
            future.cancel()

    def _call(self, key: str, request: Callable[[Any], Awaitable[_T]]) -> _T:
        """Make a request on the event loop, again where that is of use, and wait for it."""
        # A future that waits for another thread is part of a cycle, and would keep its result.
        answers: list[_T] = []

        async def act() -> None:
            client = await self._fs.set_session()
            tries = self._retries.run(lambda: self._translated(key, request(client)))
            answers.append(await tries)

        future = asyncio.run_coroutine_threadsafe(act(), self._fs.loop)
        self._running.add(future)
        try:
            future.result()
            return answers.pop()
        except (TryAgainError, RefusedError) as error:
            raise RemoteError(
                f"{self.url}: {key!r}: {error}", hint="gitmodel remote check"
            ) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise RemoteError(
                f"{self.url}: no AWS credentials were found", hint=_CREDENTIALS_HINT
            ) from error
        except ProfileNotFound as error:
            raise self._no_profile(error.kwargs["profile"]) from error
        except BotoCoreError as error:
            raise RemoteError(
                f"{self.url}: {key!r}: {error}", hint="gitmodel remote check"
            ) from error
        except BaseException:
            future.cancel()
            raise
        finally:
            self._running.discard(future)

    def _no_profile(self, name: str) -> UsageError:
        if not name:
            # AWS tools take a variable that is set to nothing for a profile whose name is nothing.
            return UsageError(
                f"{self.url}: the name of the AWS profile is empty: AWS_PROFILE is set to nothing",
                hint="unset AWS_PROFILE AWS_DEFAULT_PROFILE",
            )
        return UsageError(
            f"{self.url}: there is no AWS profile {name!r}", hint="aws configure list-profiles"
        )

    async def _translated(self, key: str, answer: Awaitable[_T]) -> _T:
        """Tell apart what is worth another try, what is an answer, and what is an error."""
        try:
            return await answer
        except ClientError as error:
            raise self._meaning(key, error) from error
        except (KeyError, ValueError) as error:
            # What botocore makes of the page of a hotel that asks to log in, for example.
            raise RefusedError(f"the answer is not one of S3; {their_words(str(error))}") from error

    def _meaning(self, key: str, error: ClientError) -> Exception:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        text = their_words(str(error.response.get("Error", {}).get("Message") or code))
        if code == "NoSuchBucket":
            return RemoteError(
                f"{self.url}: there is no bucket {self._bucket!r}", hint="gitmodel remote list"
            )
        if code in _MISSING:
            return MissingError(f"{self.url}: {key!r} is not there", hint="gitmodel remote check")
        if code in _EXISTS and key in self._etags:
            return IntegrityError(f"{self.url}: {key!r} changed while it was read")
        if code in _EXISTS:
            return FileExistsError(key)
        if code in _NOT_KNOWN or status == 501:
            return NotImplementedError(text)
        if code in _SKEWED:
            return RemoteError(
                f"{self.url}: the clock of this machine is not that of the server: {text}",
                hint="set the clock, for example with: timedatectl set-ntp true",
            )
        if status in (401, 403):
            return RemoteError(
                f"{self.url}: {key!r}: access denied: {text}", hint=_CREDENTIALS_HINT
            )
        if code in _AGAIN or status in (429, 500, 502, 503, 504):
            return TryAgainError(f"{shown(code) or status}: {text}", slower=code in _SLOWER)
        if 300 <= status < 400:
            return RefusedError(ELSEWHERE)
        return RefusedError(f"{shown(code) or status}: {text}")

    def _at(self, key: str) -> dict[str, Any]:
        return {"Bucket": self._bucket, "Key": self._key(key)}

    def _key(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key
