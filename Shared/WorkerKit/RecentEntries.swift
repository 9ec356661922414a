/// The most recently added entries, up to a capacity. A new key replaces the oldest one.
public struct RecentEntries<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let capacity: Int
    private var known: [Key: Value] = [:]
    /// The keys in the order of arrival, as a ring buffer.
    private var order: [Key] = []
    private var oldest = 0

    public init(capacity: Int) { self.capacity = capacity }

    public subscript(key: Key) -> Value? { known[key] }

    /// Adds an entry, which replaces the oldest one if there is no room. A known key gets the new value and keeps its
    /// age.
    public mutating func remember(_ value: Value, for key: Key) {
        guard known.updateValue(value, forKey: key) == nil else { return }
        guard order.count == capacity else { return order.append(key) }
        known[order[oldest]] = nil
        order[oldest] = key
        oldest = (oldest + 1) % capacity
    }
}
