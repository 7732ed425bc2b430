/// Whom to erase, and how.
package struct ErasureRequest: Hashable, Sendable {
  /// The identity: a value of `user`.
  package var identity: String
  /// Only rows of this organisation; nil: all.
  package var org: String?
  /// Whether the identity's rows go with it. They stay otherwise, and every sum with them.
  package var isDroppingRows = false
  /// Whether only to find out what would be done.
  package var isDryRun = false

  package init(identity: String) { self.identity = identity }
}
