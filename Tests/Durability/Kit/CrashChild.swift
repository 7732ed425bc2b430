import Foundation
import Synchronization
import SystemPackage
import TallyBase
import TallyFile
import TallyStorage
import TallyTestSupport

/// The process that is killed: producers append with durable acknowledgements and tell the parent
/// through standard output before they send (`S number`) and after they were answered
/// (`A number`). It runs until it is killed.
package enum CrashChild {
  /// - Parameter arguments: the store's path, the seed, each producer's first turn.
  package static func run(_ arguments: [String]) throws {
    let numbers = arguments.dropFirst().compactMap { Int($0) }
    guard arguments.count == numbers.count + 1, numbers.count == CrashPlan.producerCount + 1,
      let path = arguments.first
    else {
      throw TallyError(.invalidArgument, "expected a path, a seed and each producer's first turn")
    }
    let plan = CrashPlan(seed: UInt64(numbers[0]))
    let store = try Store.open(
      FilePath(path), mode: .readWrite(creating: true), fileSystem: PosixFileSystem(),
      options: CrashPlan.storeOptions)
    let nextProducer = Atomic(0)
    try Threads.run(count: CrashPlan.producerCount) {
      let producer = nextProducer.wrappingAdd(1, ordering: .relaxed).oldValue
      var sender = CrashSender(store: store, plan: plan, producer: producer)
      sender.turn = numbers[1 + producer]
      while true { try sender.step() }
    }
  }
}

/// One producer.
private struct CrashSender {
  let store: Store
  let plan: CrashPlan
  let producer: Int
  var turn = 1
  private var random = SplitMix64(seed: UInt64.random(in: 0 ... .max))

  init(store: Store, plan: CrashPlan, producer: Int) {
    self.store = store
    self.plan = plan
    self.producer = producer
  }

  mutating func step() throws {
    let batch = plan.batch(producer: producer, turn: turn)
    CrashSender.say("S \(batch.number)")
    try send(batch, turn)
    CrashSender.say("A \(batch.number)")
    // As after an acknowledgement that was lost on its way.
    if turn > 1, random.next(below: 20) == 0 {
      let old = max(1, turn - Int(random.next(below: 10)))
      try send(plan.batch(producer: producer, turn: old), old)
    }
    if random.next(below: 60) == 0 { try store.flush() }
    if random.next(below: 150) == 0 { try store.compact() }
    turn += 1
  }

  private mutating func send(_ batch: WorkloadBatch, _ turn: Int) throws {
    var options = AppendOptions()
    options.producer = "producer \(producer)"
    options.sequence = UInt64(turn)
    options.acknowledgement = random.next(below: 40) == 0 ? .published : .durable
    _ = try store.append(batch.events, options: options)
  }

  private static func say(_ line: String) {
    // One small write to a pipe is never split.
    FileHandle.standardOutput.write(Data((line + "\n").utf8))
  }
}
