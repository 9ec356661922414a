import Certification

/// Clusters points of unit length.
/// - Source: Lloyd's algorithm with k-means++ seeds, SODA 2007; the number of clusters by the simplified silhouette
public struct Clusters {
    /// The indices of the points, the one nearest to the centre first.
    public let members: [[Int]]
    /// The mean cosine between a cluster's points and its centre.
    public let cohesion: [Double]

    private static let mostClusters = 10
    /// Fewer points are too few to cut a model for.
    private static let leastMembers = 5

    public init(of points: [[Float]]) {
        let most = min(Self.mostClusters, points.count / Self.leastMembers)
        guard most >= 1 else {
            (members, cohesion) = ([], [])
            return
        }
        let attempts = (1...most).map { Partition(points, count: $0) }
        // If no division is better than none, the result is a single cluster.
        let best = attempts.max { $0.silhouette < $1.silhouette } ?? attempts[0]
        let groups = best.centres.indices.map { centre in
            points.indices.filter { best.owner[$0] == centre }.sorted { best.nearness[$0] > best.nearness[$1] }
        }
        let kept = groups.filter { $0.count >= Self.leastMembers }.sorted { $0.count > $1.count }
        members = kept
        cohesion = kept.map { group in group.reduce(0) { $0 + Double(best.nearness[$1]) } / Double(group.count) }
    }
}

private struct Partition {
    private(set) var centres: [[Float]]
    private(set) var owner: [Int]
    /// The cosine of each point with its centre.
    private(set) var nearness: [Float]
    private(set) var silhouette = 0.0

    init(_ points: [[Float]], count: Int) {
        centres = Self.seeds(points, count: count)
        owner = Array(repeating: 0, count: points.count)
        nearness = Array(repeating: -1, count: points.count)
        for _ in 0..<25 {
            let before = owner
            assign(points)
            if owner == before { break }
            move(points)
        }
        assign(points)
    }

    private static func seeds(_ points: [[Float]], count: Int) -> [[Float]] {
        var generator = SeededGenerator(seed: 1)
        var centres = [points[Int.random(in: points.indices, using: &generator)]]
        while centres.count < count {
            let distances = points.map { point in
                max(0, 1 - (centres.map { cosine($0, point) }.max() ?? 0))
            }
            let sum = distances.reduce(0, +)
            guard sum > 0 else { break }
            var mark = Float.random(in: 0..<sum, using: &generator)
            let next = distances.firstIndex { distance in
                mark -= distance
                return mark < 0
            }
            centres.append(points[next ?? points.count - 1])
        }
        return centres
    }

    private mutating func assign(_ points: [[Float]]) {
        var quality = 0.0
        for (index, point) in points.enumerated() {
            let ranked = centres.map { cosine($0, point) }
            let best = ranked.indices.max { ranked[$0] < ranked[$1] } ?? 0
            owner[index] = best
            nearness[index] = ranked[best]
            let second = ranked.indices.filter { $0 != best }.map { ranked[$0] }.max() ?? ranked[best]
            let (own, other) = (1 - Double(ranked[best]), 1 - Double(second))
            quality += other > 0 ? (other - own) / max(own, other) : 0
        }
        silhouette = quality / Double(points.count)
    }

    private mutating func move(_ points: [[Float]]) {
        for centre in centres.indices {
            let group = points.indices.filter { owner[$0] == centre }
            guard !group.isEmpty else { continue }
            var sum = [Float](repeating: 0, count: points[0].count)
            for index in group {
                for place in sum.indices { sum[place] += points[index][place] }
            }
            let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
            centres[centre] = sum.map { length > 0 ? $0 / length : 0 }
        }
    }
}

private func cosine(_ left: [Float], _ right: [Float]) -> Float {
    var sum: Float = 0
    for index in left.indices { sum += left[index] * right[index] }
    return sum
}
