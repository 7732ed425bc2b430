/// A statement that a connection has prepared.
struct PreparedStatement: Hashable, Sendable {
  var text: String
  var parameterCount: Int
}
