//! Volumes of HFS+ and HFSX written from the published description, and a look at the files in them:
//! shares no code with the reader, and goes another way than it, by the links between nodes.
//!
//! Taken in by the tests of the reader, the round trips and the program that makes the corpus.
//! Source: Apple, technical note TN1150 "HFS Plus Volume Format". Names are in lower case and
//! decomposed, so that their order is the same whether case counts or not.
#![allow(dead_code)]

use std::collections::BTreeMap;

/// What contents and free space are filled with.
struct Filling {
    state: u64,
    /// Numbers that look random, else bytes that are easily compressed.
    is_noise: bool,
}

impl Filling {
    fn number(&mut self) -> u64 {
        self.state =
            self.state.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(0x1405_7B7E_F767_814F);
        self.state >> 33
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let one = self.number() as u8;
        match self.is_noise {
            true => (0..length).map(|_| (self.number() >> 8) as u8).collect(),
            false => vec![one; length],
        }
    }

    /// What is in nobody's use.
    fn free(&mut self, length: usize) -> Vec<u8> {
        if self.is_noise { self.bytes(length) } else { vec![0; length] }
    }
}

/// The journal of a volume that is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Journal {
    None,
    BigEndian,
    LittleEndian,
}

/// What a volume is to be like.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) block_size: usize,
    pub(crate) blocks: usize,
    /// HFSX, in which case counts.
    pub(crate) case_sensitive: bool,
    pub(crate) journal: Journal,
    /// Bytes of a node of the catalog.
    pub(crate) node_size: usize,
    /// Pieces of the allocation file and of the catalog.
    pub(crate) special_pieces: usize,
    pub(crate) files: usize,
    /// Pieces of the largest file.
    pub(crate) file_pieces: usize,
    /// Nodes of the trees that are not in use, and hold garbage.
    pub(crate) spare_nodes: usize,
    /// Bytes of the partition behind the last block.
    pub(crate) behind: usize,
    pub(crate) seed: u64,
    /// Whether contents and free space are noise, or easily compressed.
    pub(crate) noise: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            block_size: 4096,
            blocks: 1024,
            case_sensitive: false,
            journal: Journal::BigEndian,
            node_size: 4096,
            special_pieces: 1,
            files: 40,
            file_pieces: 30,
            spare_nodes: 3,
            behind: 0,
            seed: 1,
            noise: true,
        }
    }
}

/// Blocks that follow each other: the first, and how many.
type Run = (usize, usize);

/// A volume, and what is known of it because it was made.
pub(crate) struct Made {
    pub(crate) bytes: Vec<u8>,
    /// Which blocks are in use.
    pub(crate) used: Vec<bool>,
    /// The blocks of the allocation file, of the three trees and of the largest file.
    pub(crate) allocation: Vec<Run>,
    pub(crate) extents: Vec<Run>,
    pub(crate) catalog: Vec<Run>,
    pub(crate) attributes: Vec<Run>,
    pub(crate) largest: Vec<Run>,
    /// Where the block that tells of the journal, and the journal, begin, in bytes.
    pub(crate) journal_info: usize,
    pub(crate) journal: usize,
    /// Contents by path; a resource fork has `/..rsrc` behind the path.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

fn u16_be(into: &mut Vec<u8>, value: usize) {
    into.extend(u16::try_from(value).unwrap().to_be_bytes());
}

fn u32_be(into: &mut Vec<u8>, value: usize) {
    into.extend(u32::try_from(value).unwrap().to_be_bytes());
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// Gives out blocks.
struct Blocks {
    used: Vec<bool>,
    at: usize,
}

impl Blocks {
    /// So many blocks in so many pieces, between which one block stays free.
    fn take(&mut self, count: usize, pieces: usize) -> Vec<Run> {
        let pieces = pieces.clamp(1, count.max(1));
        let mut runs: Vec<Run> = Vec::new();
        for piece in 0..pieces {
            let mut wanted = count / pieces + usize::from(piece < count % pieces);
            while wanted > 0 {
                let start = (self.at..self.used.len()).find(|block| !self.used[*block]).unwrap();
                let free =
                    self.used[start..].iter().take(wanted).take_while(|used| !**used).count();
                self.used[start..start + free].fill(true);
                runs.push((start, free));
                wanted -= free;
                self.at = start + free;
            }
            self.at += usize::from(pieces > 1);
        }
        runs
    }
}

/// The 80 bytes that describe a fork.
fn fork_data(length: usize, runs: &[Run]) -> Vec<u8> {
    let mut data = (length as u64).to_be_bytes().to_vec();
    u32_be(&mut data, 65536);
    u32_be(&mut data, runs.iter().map(|run| run.1).sum());
    data.extend(eight(runs));
    data
}

/// The first eight pieces.
fn eight(runs: &[Run]) -> Vec<u8> {
    let mut data = Vec::new();
    for number in 0..8 {
        let (start, count) = runs.get(number).copied().unwrap_or((0, 0));
        u32_be(&mut data, start);
        u32_be(&mut data, count);
    }
    data
}

/// The records of the extents overflow file for one fork.
fn overflow(file: usize, kind: u8, runs: &[Run]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut first = runs.iter().take(8).map(|run| run.1).sum::<usize>();
    let mut records = Vec::new();
    for more in runs.get(8..).unwrap_or(&[]).chunks(8) {
        let mut key = vec![kind, 0];
        u32_be(&mut key, file);
        u32_be(&mut key, first);
        records.push((key, eight(more)));
        first += more.iter().map(|run| run.1).sum::<usize>();
    }
    records
}

fn name_bytes(name: &str) -> Vec<u8> {
    let units: Vec<u16> = name.encode_utf16().collect();
    let mut bytes = Vec::new();
    u16_be(&mut bytes, units.len());
    units.iter().for_each(|unit| bytes.extend(unit.to_be_bytes()));
    bytes
}

fn catalog_key(parent: usize, name: &str) -> Vec<u8> {
    let mut key = Vec::new();
    u32_be(&mut key, parent);
    key.extend(name_bytes(name));
    key
}

fn thread(kind: usize, parent: usize, name: &str) -> Vec<u8> {
    let mut data = Vec::new();
    u16_be(&mut data, kind);
    u16_be(&mut data, 0);
    u32_be(&mut data, parent);
    data.extend(name_bytes(name));
    data
}

const DATE: usize = 0xE000_0000;

fn folder_record(number: usize, children: usize) -> Vec<u8> {
    let mut data = vec![0, 1, 0, 0];
    u32_be(&mut data, children);
    u32_be(&mut data, number);
    (0..5).for_each(|_| u32_be(&mut data, DATE));
    data.resize(88, 0);
    put(&mut data, 42, &0o040_755u16.to_be_bytes());
    data
}

fn file_record(number: usize, data_fork: &[u8], resource_fork: &[u8]) -> Vec<u8> {
    let mut data = vec![0, 2, 0, 2, 0, 0, 0, 0];
    u32_be(&mut data, number);
    (0..5).for_each(|_| u32_be(&mut data, DATE));
    data.resize(88, 0);
    put(&mut data, 42, &0o100_644u16.to_be_bytes());
    data.extend(data_fork);
    data.extend(resource_fork);
    data
}

/// How a tree is made.
struct TreePlan {
    node_size: usize,
    longest_key: usize,
    attributes: u32,
    key_compare: u8,
    spare_nodes: usize,
}

/// A B-tree of records in order. Leaves are first and in the order of their keys turned around,
/// so that links do not go upwards only; nodes that are not in use hold garbage.
fn tree(records: &[(Vec<u8>, Vec<u8>)], plan: &TreePlan, filling: &mut Filling) -> Vec<u8> {
    let size = plan.node_size;
    let whole = |(key, data): &(Vec<u8>, Vec<u8>)| {
        let mut record = Vec::new();
        u16_be(&mut record, key.len());
        record.extend(key);
        record.resize(record.len().next_multiple_of(2), 0);
        record.extend(data);
        record
    };
    let pack = |records: Vec<Vec<u8>>| {
        let mut nodes: Vec<Vec<Vec<u8>>> = Vec::new();
        let mut room = 0;
        for record in records {
            let needed = record.len() + 2;
            if needed > room {
                nodes.push(Vec::new());
                room = size - 14 - 2;
            }
            room -= needed;
            nodes.last_mut().unwrap().push(record);
        }
        nodes
    };
    // Level by level: the nodes of one are numbered from the last to the first.
    let mut levels: Vec<(Vec<Vec<Vec<u8>>>, usize)> = Vec::new();
    let mut next_number = 1 + plan.spare_nodes;
    let mut nodes = pack(records.iter().map(whole).collect());
    while !nodes.is_empty() {
        let (first, count) = (next_number, nodes.len());
        next_number += count;
        let number = |at: usize| first + count - 1 - at;
        let index = |at: usize, node: &Vec<Vec<u8>>| {
            let key = usize::from(u16::from_be_bytes([node[0][0], node[0][1]])) + 2;
            let mut record = node[0][..key].to_vec();
            u32_be(&mut record, number(at));
            record
        };
        let above = nodes.iter().enumerate().map(|(at, node)| index(at, node)).collect();
        levels.push((nodes, first));
        nodes = if count > 1 { pack(above) } else { Vec::new() };
    }
    let (total, maps) = {
        // A map node for each part that the header node has no room for.
        let needed = |maps: usize| (next_number + maps).div_ceil(8);
        let room = |maps: usize| size - 256 + maps * (size - 20);
        let maps = (0..).find(|maps| needed(*maps) <= room(*maps)).unwrap();
        (next_number + maps, maps)
    };
    let mut bytes = filling.free(total * size);
    let mut used = vec![false; total];
    used[0] = true;
    let mut write = |number: usize,
                     next: usize,
                     previous: usize,
                     kind: u8,
                     height: usize,
                     records: &[Vec<u8>]| {
        used[number] = true;
        let node = &mut bytes[number * size..][..size];
        node.fill(0);
        put(node, 0, &(next as u32).to_be_bytes());
        put(node, 4, &(previous as u32).to_be_bytes());
        node[8] = kind;
        node[9] = height as u8;
        put(node, 10, &(records.len() as u16).to_be_bytes());
        let mut at = 14;
        for (number, record) in records.iter().enumerate() {
            put(node, at, record);
            put(node, size - 2 * (number + 1), &(at as u16).to_be_bytes());
            at += record.len();
        }
        put(node, size - 2 * (records.len() + 1), &(at as u16).to_be_bytes());
    };
    for (height, (nodes, first)) in levels.iter().enumerate() {
        let number = |at: usize| first + nodes.len() - 1 - at;
        for (at, node) in nodes.iter().enumerate() {
            let next = if at + 1 < nodes.len() { number(at + 1) } else { 0 };
            let previous = if at > 0 { number(at - 1) } else { 0 };
            write(number(at), next, previous, if height == 0 { 0xFF } else { 0 }, height + 1, node);
        }
    }
    // The map says that its own nodes are in use.
    let mut map = vec![0u8; total.div_ceil(8)];
    let free = (0..total)
        .filter(|node| {
            let is_used = *node == 0 || *node > plan.spare_nodes;
            map[node / 8] |= u8::from(is_used) << (7 - node % 8);
            !is_used
        })
        .count();
    let leaves = levels.first().map_or(0, |(nodes, _)| nodes.len());
    let mut header = Vec::new();
    u16_be(&mut header, levels.len());
    u32_be(&mut header, levels.last().map_or(0, |(_, first)| *first));
    u32_be(&mut header, records.len());
    // The first leaf has the highest number.
    u32_be(&mut header, levels.first().map_or(0, |(_, first)| first + leaves - 1));
    u32_be(&mut header, levels.first().map_or(0, |(_, first)| *first));
    u16_be(&mut header, size);
    u16_be(&mut header, plan.longest_key);
    u32_be(&mut header, total);
    u32_be(&mut header, free);
    u16_be(&mut header, 0);
    u32_be(&mut header, 65536);
    header.extend([0, plan.key_compare]);
    header.extend(plan.attributes.to_be_bytes());
    header.resize(106, 0);
    let first_map = total - maps;
    let room = size - 256;
    let mut part = map[..map.len().min(room)].to_vec();
    part.resize(room, 0);
    write(0, if maps > 0 { first_map } else { 0 }, 0, 1, 0, &[header, vec![0; 128], part]);
    for number in 0..maps {
        let from = room + number * (size - 20);
        let mut part = map[from..map.len().min(from + size - 20)].to_vec();
        part.resize(size - 20, 0);
        let next = if number + 1 < maps { first_map + number + 1 } else { 0 };
        write(first_map + number, next, 0, 2, 0, &[part]);
    }
    assert_eq!(used.iter().filter(|used| !**used).count(), free);
    bytes
}

/// The checksum of the header of a journal.
pub(crate) fn journal_checksum(header: &[u8]) -> u32 {
    let mut sum = 0u32;
    for byte in header {
        sum = (sum << 8) ^ sum.wrapping_add(u32::from(*byte));
    }
    !sum
}

/// The header of a journal of `size` bytes that holds what is between `start` and `end`.
pub(crate) fn journal_header(start: u64, end: u64, size: u64, big_endian: bool) -> Vec<u8> {
    let long = |value: u64| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let word = |value: u32| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
    let mut header = Vec::new();
    header.extend(word(0x4A4E_4C78));
    header.extend(word(0x1234_5678));
    [start, end, size].into_iter().for_each(|value| header.extend(long(value)));
    header.extend(word(4096));
    header.extend(word(0));
    header.extend(word(512));
    let sum = journal_checksum(&header);
    put(&mut header, 36, &word(sum));
    header
}

/// What records of the catalog are sorted by, a key, and what belongs to it.
type CatalogRecord = ((usize, Vec<u16>), Vec<u8>, Vec<u8>);

/// Makes a volume.
pub(crate) fn make(plan: &Plan) -> Made {
    let mut filling = Filling { state: plan.seed, is_noise: plan.noise };
    let (size, count) = (plan.block_size, plan.blocks);
    let total = size * count + plan.behind;
    let mut bytes = filling.free(total);
    let mut used = vec![false; count];
    let reserved = 1536usize.div_ceil(size);
    used[..reserved].fill(true);
    bytes[..reserved * size].fill(0);
    let alternate = total / 512 * 512 - 1024;
    used[(alternate / size).min(count)..(alternate + 1024).div_ceil(size).min(count)].fill(true);
    let mut blocks = Blocks { used, at: reserved };

    // Contents, and where they go.
    let mut contents: Vec<(Vec<u8>, Vec<Run>)> = Vec::new();
    let bitmap_blocks = count.div_ceil(8).div_ceil(size).max(plan.special_pieces);
    let allocation = blocks.take(bitmap_blocks, plan.special_pieces);
    let mut more = overflow(6, 0, &allocation);

    let mut files = BTreeMap::new();
    let mut records: Vec<CatalogRecord> = Vec::new();
    let mut children: BTreeMap<usize, usize> = BTreeMap::new();
    let mut add = |parent: usize, name: &str, data: Vec<u8>, number: usize, is_folder: bool| {
        let order = |name: &str| name.encode_utf16().collect::<Vec<u16>>();
        let thread = thread(if is_folder { 3 } else { 4 }, parent, name);
        records.push(((parent, order(name)), catalog_key(parent, name), data));
        records.push(((number, Vec::new()), catalog_key(number, ""), thread));
        *children.entry(parent).or_default() += 1;
    };
    let (mut journal_info, mut journal) = (0, 0);
    let mut file_count = 0;
    if plan.journal != Journal::None {
        let info = blocks.take(1, 1);
        let length = (8 * size).max(32768);
        let place = blocks.take(length / size, 1);
        assert_eq!(place.len(), 1);
        (journal_info, journal) = (info[0].0 * size, place[0].0 * size);
        let mut data = vec![0; size];
        put(&mut data, 0, &1u32.to_be_bytes());
        put(&mut data, 36, &(journal as u64).to_be_bytes());
        put(&mut data, 44, &(length as u64).to_be_bytes());
        add(
            2,
            ".journal_info_block",
            file_record(17, &fork_data(size, &info), &[0; 80]),
            17,
            false,
        );
        add(2, ".journal", file_record(16, &fork_data(length, &place), &[0; 80]), 16, false);
        file_count += 2;
        let big_endian = plan.journal == Journal::BigEndian;
        let mut content = filling.free(length);
        put(&mut content, 0, &journal_header(1024, 1024, length as u64, big_endian));
        contents.push((data, info));
        contents.push((content, place));
    }
    let folders = [(2, "a folder", 18), (18, "n\u{303}andu\u{301}", 19), (2, "empty", 20)];
    let paths = [(2, ""), (18, "/a folder"), (19, "/a folder/n\u{303}andu\u{301}")];
    let mut largest = Vec::new();
    for number in 0..plan.files {
        let (parent, folder) = paths[number % paths.len()];
        let name = format!("file {number:05} {}", "x".repeat(number % 50));
        let file = 100 + number;
        let is_largest = number == plan.files / 2;
        let (length, pieces) = match number % 5 {
            _ if is_largest => (plan.file_pieces * size * 3 / 2, plan.file_pieces),
            0 => (0, 1),
            1 => (filling.number() as usize % size + 1, 1),
            remainder => (filling.number() as usize % (4 * size), remainder * 4),
        };
        let mut fork = |length: usize, pieces: usize, kind: u8, contents: &mut Vec<_>| {
            // Pieces of at least one block, of which the last may be allocated beyond the end.
            let runs = match length {
                0 => Vec::new(),
                _ => blocks.take(length.div_ceil(size).max(pieces.min(20)), pieces),
            };
            let data = filling.bytes(length);
            contents.push((data.clone(), runs.clone()));
            more.extend(overflow(file, kind, &runs));
            (data, runs)
        };
        let (data, runs) = fork(length, pieces, 0, &mut contents);
        let resource_length = if number % 7 == 3 { size / 2 + 1 } else { 0 };
        let (resource, resource_runs) = fork(resource_length, 1, 0xFF, &mut contents);
        let record = file_record(
            file,
            &fork_data(data.len(), &runs),
            &fork_data(resource.len(), &resource_runs),
        );
        add(parent, &name, record, file, false);
        file_count += 1;
        if is_largest {
            largest = runs;
        }
        let path = format!("{folder}/{name}");
        if !resource.is_empty() {
            files.insert(format!("{path}/..rsrc"), resource);
        }
        files.insert(path, data);
    }
    let mut attribute_records = Vec::new();
    for (number, name) in ["inline", "outside"].into_iter().enumerate() {
        let mut key = vec![0, 0];
        u32_be(&mut key, 100 + number);
        u32_be(&mut key, 0);
        key.extend(name_bytes(name));
        let data = if name == "inline" {
            let mut data = vec![0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0];
            u32_be(&mut data, 6);
            data.extend(b"value\0");
            data
        } else {
            let runs = blocks.take(2, 2);
            contents.push((filling.bytes(size + 9), runs.clone()));
            let mut data = vec![0, 0, 0, 0x20, 0, 0, 0, 0];
            data.extend(fork_data(size + 9, &runs));
            data
        };
        attribute_records.push((key, data));
    }
    for (parent, name, number) in folders {
        add(parent, name, Vec::new(), number, true);
    }
    add(1, "volume", Vec::new(), 2, true);
    for (_, key, data) in &mut records {
        // Folders, whose number their thread has; and how many children they have is known now.
        if data.is_empty() {
            let number = match key[6..].len() {
                length if length == 2 * "volume".len() && key[..4] == [0, 0, 0, 1] => 2,
                _ => {
                    let found =
                        folders.iter().find(|(parent, name, _)| *key == catalog_key(*parent, name));
                    found.unwrap().2
                }
            };
            *data = folder_record(number, children.get(&number).copied().unwrap_or(0));
        }
    }
    records.sort();
    let records: Vec<_> = records.into_iter().map(|(_, key, data)| (key, data)).collect();

    let mut trees = Vec::new();
    let mut place = |content: Vec<u8>, pieces: usize, blocks: &mut Blocks| {
        let runs = blocks.take(content.len().div_ceil(size), pieces);
        trees.push((content.len(), runs.clone()));
        contents.push((content, runs.clone()));
        runs
    };
    let catalog_plan = TreePlan {
        node_size: plan.node_size,
        longest_key: 516,
        attributes: 6,
        // Of HFSX alone: names are compared as they are.
        key_compare: if plan.case_sensitive { 0xBC } else { 0 },
        spare_nodes: plan.spare_nodes,
    };
    let content = tree(&records, &catalog_plan, &mut filling);
    let catalog = place(content, plan.special_pieces, &mut blocks);
    more.extend(overflow(4, 0, &catalog));
    let attribute_plan = TreePlan { longest_key: 266, key_compare: 0, ..catalog_plan };
    let content = tree(&attribute_records, &attribute_plan, &mut filling);
    let attributes = place(content, 1, &mut blocks);
    more.sort_by_key(|(key, _)| (key[2..6].to_vec(), key[0], key[6..].to_vec()));
    let extents_plan = TreePlan {
        node_size: 512,
        longest_key: 10,
        attributes: 2,
        key_compare: 0,
        spare_nodes: plan.spare_nodes * 10,
    };
    let content = tree(&more, &extents_plan, &mut filling);
    let extents = place(content, 1, &mut blocks);
    let used = blocks.used;
    let free = used.iter().filter(|used| !**used).count();

    let mut bitmap = vec![0u8; bitmap_blocks * size];
    for (block, _) in used.iter().enumerate().filter(|(_, used)| **used) {
        bitmap[block / 8] |= 0x80 >> (block % 8);
    }
    let mut header = if plan.case_sensitive { b"HX\0\x05".to_vec() } else { b"H+\0\x04".to_vec() };
    let journaled = plan.journal != Journal::None;
    u32_be(&mut header, 0x100 | if journaled { 0x2000 } else { 0 });
    header.extend(if journaled { b"HFSJ" } else { b"10.0" });
    u32_be(&mut header, journal_info / size);
    [DATE, DATE + 5, 0, DATE + 1].into_iter().for_each(|date| u32_be(&mut header, date));
    for value in [file_count, folders.len(), size, count, free, reserved, 65536, 65536] {
        u32_be(&mut header, value);
    }
    [100 + plan.files, 7].into_iter().for_each(|value| u32_be(&mut header, value));
    header.extend(1u64.to_be_bytes());
    header.extend([0; 24]);
    header.extend(filling.bytes(8));
    header.extend(fork_data(bitmap.len(), &allocation));
    let [(catalog_length, _), (attributes_length, _), (extents_length, _)] = trees[..] else {
        panic!("three trees")
    };
    header.extend(fork_data(extents_length, &extents));
    header.extend(fork_data(catalog_length, &catalog));
    header.extend(fork_data(attributes_length, &attributes));
    header.extend([0; 80]);
    assert_eq!(header.len(), 512);
    put(&mut bytes, 1024, &header);
    put(&mut bytes, alternate, &header);
    put(&mut bytes, alternate + 512, &[0; 512]);
    contents.push((bitmap, allocation.clone()));
    for (content, runs) in contents {
        let mut rest = &content[..];
        for (start, blocks) in runs {
            let length = rest.len().min(blocks * size);
            put(&mut bytes, start * size, &rest[..length]);
            rest = &rest[length..];
        }
        assert!(rest.is_empty());
    }
    Made {
        bytes,
        used,
        allocation,
        extents,
        catalog,
        attributes,
        largest,
        journal_info,
        journal,
        files,
    }
}

fn get16(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_be_bytes(bytes[at..at + 2].try_into().unwrap()))
}

fn get32(bytes: &[u8], at: usize) -> usize {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

/// The bytes of a fork, whose description begins at `at` and which has these further pieces.
fn fork_bytes(volume: &[u8], size: usize, description: &[u8], more: &[(usize, Run)]) -> Vec<u8> {
    let length = u64::from_be_bytes(description[..8].try_into().unwrap()) as usize;
    let own = (0..8).map(|number| 16 + number * 8);
    let own = own.map(|at| (get32(description, at), get32(description, at + 4)));
    let mut content = Vec::new();
    for (start, count) in own.chain(more.iter().map(|(_, run)| *run)) {
        content.extend(&volume[start * size..(start + count) * size]);
    }
    assert!(length <= content.len());
    content.truncate(length);
    content
}

/// The records of a tree, by its root and the links of its leaves.
fn tree_records(tree: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let size = get16(tree, 14 + 18);
    let node = |number: usize| &tree[number * size..][..size];
    let record = |node: &[u8], number: usize| {
        let at = |number: usize| get16(node, size - 2 * (number + 1));
        node[at(number)..at(number + 1)].to_vec()
    };
    let split = |record: Vec<u8>| {
        let end = 2 + get16(&record, 0);
        (record[2..end].to_vec(), record[end.next_multiple_of(2)..].to_vec())
    };
    let mut at = get32(tree, 14 + 2);
    let depth = get16(tree, 14);
    for _ in 1..depth {
        assert_eq!(node(at)[8], 0);
        at = get32(&split(record(node(at), 0)).1, 0);
    }
    let mut records = Vec::new();
    while at != 0 {
        let leaf = node(at);
        assert_eq!(leaf[8], 0xFF);
        records.extend((0..get16(leaf, 10)).map(|number| split(record(leaf, number))));
        at = get32(leaf, 0);
    }
    records
}

/// Every file of a volume by its path, as [`Made::files`] has them.
pub(crate) fn files(volume: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let header = &volume[1024..1536];
    let size = get32(header, 40);
    let mut more: BTreeMap<(usize, u8), Vec<(usize, Run)>> = BTreeMap::new();
    for (key, data) in tree_records(&fork_bytes(volume, size, &header[192..272], &[])) {
        let pieces = more.entry((get32(&key, 2), key[0])).or_default();
        for at in (0..64).step_by(8).filter(|at| get32(&data, at + 4) > 0) {
            pieces.push((get32(&key, 6), (get32(&data, at), get32(&data, at + 4))));
        }
    }
    let none = Vec::new();
    let rest = |file: usize, kind: u8| more.get(&(file, kind)).unwrap_or(&none);
    let catalog = fork_bytes(volume, size, &header[272..352], rest(4, 0));
    let text = |bytes: &[u8]| {
        let units: Vec<u16> =
            bytes.chunks(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]])).collect();
        String::from_utf16(&units).unwrap()
    };
    let records = tree_records(&catalog);
    // Where a folder lies, by its thread.
    let mut places: BTreeMap<usize, (usize, String)> = BTreeMap::new();
    for (key, data) in records.iter().filter(|(_, data)| get16(data, 0) == 3) {
        places.insert(get32(key, 0), (get32(data, 4), text(&data[10..10 + 2 * get16(data, 8)])));
    }
    let path = |mut folder: usize| {
        let mut path = String::new();
        while folder != 2 {
            let (parent, name) = &places[&folder];
            path = format!("/{name}{path}");
            folder = *parent;
        }
        path
    };
    let mut found = BTreeMap::new();
    for (key, data) in records.iter().filter(|(_, data)| get16(data, 0) == 2) {
        let name = text(&key[6..]);
        let file = get32(data, 8);
        if name.starts_with(".journal") {
            continue;
        }
        let path = format!("{}/{name}", path(get32(key, 0)));
        let resource = fork_bytes(volume, size, &data[168..248], rest(file, 0xFF));
        if !resource.is_empty() {
            found.insert(format!("{path}/..rsrc"), resource);
        }
        found.insert(path, fork_bytes(volume, size, &data[88..168], rest(file, 0)));
    }
    found
}
