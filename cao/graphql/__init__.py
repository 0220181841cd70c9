"""GraphQL: every operation as a field of Query, Mutation or Subscription, made of the registry.

types        GraphQL types of our models
schema       the three roots and how their fields are resolved; printed in `schema.graphql`
limits       how large a document may be
errors       errors with the codes and the pointers of the other surfaces
execution    reads documents and runs them; with the modules above, all of the server that loads graphql-core
wire         one request and its refusal, as they are sent
http         POST, and server-sent events
websocket    graphql-transport-ws
app          `/graphql` of our server
documents    documents for an operation: of its reference page
changes      what in the schema would break clients of the last release; `make check` asks
"""
