import Contracts

extension InMemoryBus: BacklogReader {
    public func oldestWaiting(in topic: String, of group: String) async throws -> Backlog {
        change { log in Backlog(oldest: log.oldestWaiting(group, topic)) }
    }
}

extension InMemoryLog {
    func oldestWaiting(_ group: String, _ topic: String) -> [Timestamp?] {
        (0..<(partitions(of: topic) ?? 0)).map { number in
            let partition = TopicPartition(topic: topic, partition: Int32(number))
            let committed = groups[group]?.committed[partition] ?? 0
            return records(in: topic).first { $0.partition == partition.partition && $0.offset >= committed }?.timestamp
        }
    }
}
