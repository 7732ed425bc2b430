import Synchronization
import TallyBase

/// The name under which a producer is known after its own was erased: a keyed fingerprint, so that
/// its batches are still told from those that were stored.
struct ErasedProducer {
  private static let prefix = "erased-"
  private let fingerprinter: Fingerprinter

  init(_ fingerprinter: Fingerprinter) { self.fingerprinter = fingerprinter }

  /// What stands for a producer's name.
  func name(for producer: String) -> String {
    let bytes = Array(producer.utf8)
    let word = unsafe bytes.withUnsafeBufferPointer { bytes in
      unsafe fingerprinter.fingerprint(org: nullSymbolCode, id: bytes)
    }
    let digits = String(word, radix: 16)
    return ErasedProducer.prefix + String(repeating: "0", count: 16 - digits.count) + digits
  }
}

extension WriteBuffer.State {
  /// The name under which a producer's batches are counted.
  func knownName(of producer: String) -> String {
    guard producers[producer] == nil else { return producer }
    let erased = erasedProducer.name(for: producer)
    return producers[erased] == nil ? producer : erased
  }
}

extension WriteBuffer {
  /// Puts fingerprints in the place of producers' names, here and in what is to be flushed.
  ///
  /// - Parameter isErased: whether a name is to go.
  /// - Returns: the edit that does the same to a manifest.
  func eraseProducers(
    in manifest: Manifest, where isErased: (String) -> Bool
  ) -> ManifestEdit {
    state.withLock { state in
      for (name, mark) in state.producers where isErased(name) {
        let erased = state.erasedProducer.name(for: name)
        state.producers[name] = nil
        state.producers[erased] = mark
        for generation in [state.frozen, state.active] {
          guard let mark = generation?.producers.removeValue(forKey: name) else { continue }
          generation?.producers[erased] = mark
        }
      }
      var edit = ManifestEdit()
      for (name, mark) in manifest.producers where isErased(name) {
        let erased = state.erasedProducer.name(for: name)
        edit.producersRemoved.append(name)
        edit.producers[erased] = state.producers[erased] ?? mark
      }
      edit.producersRemoved.sort()
      return edit
    }
  }
}
