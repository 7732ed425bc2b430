internal import Hummingbird
internal import TallyServer

/// The HTTP API of docs/http-api.md.
package enum HTTPServer {}
