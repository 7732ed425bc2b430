internal import TallyStorage

/// What appended events survive when the call returns.
public enum Acknowledgement: String, Hashable, Sendable, CaseIterable {
  /// Nothing: they are in this process's memory. The fastest.
  case memory
  /// The end of this process, not of the machine.
  case os
  /// A power cut. The default.
  case durable
  /// A power cut, and other processes see them.
  case published

  var stored: TallyStorage.Acknowledgement {
    switch self {
    case .memory: .memory
    case .os: .os
    case .durable: .durable
    case .published: .published
    }
  }
}

/// Who sends a batch and its number among theirs. A batch sent again under its number is
/// acknowledged again and stored once, also after a restart.
public struct BatchNumber: Hashable, Sendable {
  /// The sender's name, 1 to 255 bytes.
  public var producer: String
  /// Grows from batch to batch. Batches under way at the same time may arrive in any order while
  /// their numbers lie within 64 of each other.
  public var sequence: UInt64

  /// A sender's batch.
  public init(producer: String, sequence: UInt64) {
    self.producer = producer
    self.sequence = sequence
  }
}

/// What became of appended events.
public struct AppendResult: Hashable, Sendable {
  /// Events that were new.
  public var acceptedCount: Int
  /// The others: they repeat an older one's `eventID` and were dropped, or took its place.
  public var duplicateCount: Int
  /// Whether the batch had been stored before under its number, and nothing was stored now.
  public var isReplay: Bool

  init(_ receipt: AppendReceipt) {
    acceptedCount = receipt.acceptedCount
    duplicateCount = receipt.duplicateCount
    isReplay = receipt.isReplay
  }
}
