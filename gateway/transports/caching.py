"""What a client may keep of an answer: only what is the same for whoever holds a token, for as long as the process lives.

Source: RFC 9110, 8.8.3 and 13.1.2; RFC 9111.
"""

import hashlib

from graphql import GraphQLSchema, OperationDefinitionNode, OperationType

from gateway.operations.selections import Fragments, merged
from schema.fields import CONSTANT, declared

# Another version of the gateway may have another catalogue.
MOST_SECONDS = 300
TAG_BYTES = 16


def constant(schema: GraphQLSchema, operation: OperationDefinitionNode, fragments: Fragments) -> bool:
    """Whether an operation asks for nothing but root fields that are declared to be constant. For operations that are valid."""
    if operation.operation is not OperationType.QUERY or not schema.query_type:
        return False
    selected = [field.name.value for each in merged("", [operation.selection_set], fragments).values() for _, field in each]
    asked = [schema.query_type.fields.get(name) for name in selected if name != "__typename"]
    return bool(asked) and all(declared(field, CONSTANT, False) for field in asked)


def headers(content: bytes) -> dict[str, str]:
    """What is told beside an answer that may be kept. The tag is a weak one: compressed or not, it is the same answer."""
    tag = hashlib.blake2b(content, digest_size=TAG_BYTES).hexdigest()
    return {"cache-control": f"private, max-age={MOST_SECONDS}", "etag": f'W/"{tag}"'}


def known(etag: str, if_none_match: str) -> bool:
    """Whether a client has the answer of this tag already."""
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags
