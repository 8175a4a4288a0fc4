#!/bin/sh
# Free music to train on, from Debian's archive: no root, and nothing is installed.
#
#   sh recipes/fetch_music.sh FOLDER
#
# FOLDER/music      25 pieces by LupusMechanicus, of warzone2100-music (CC BY-SA 3.0 or later): 3.6 hours
# FOLDER/samples    130 drums, loops and effects of sonic-pi-samples (CC0): 4 minutes
#
# It needs apt-get and dpkg-deb, as Debian and Ubuntu have them, and 250 MB while it runs.
set -eu

if [ $# -ne 1 ]; then
    echo "usage: sh $0 FOLDER" >&2
    exit 2
fi
for tool in apt-get dpkg-deb; do
    if ! command -v "$tool" >/dev/null; then
        echo "error: there is no $tool: this needs Debian, Ubuntu or one of their kin" >&2
        exit 2
    fi
done
mkdir -p "$1"
folder=$(cd "$1" && pwd)
for part in music samples; do
    if [ -e "$folder/$part" ]; then
        echo "error: $folder/$part exists already" >&2
        exit 2
    fi
done
work=$(mktemp -d "$folder/.fetching.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cd "$work"
for package in warzone2100-music sonic-pi-samples; do
    if ! apt-get -qq download "$package"; then
        echo "error: can't download $package (sudo apt-get update renews the lists)" >&2
        exit 1
    fi
    dpkg-deb -x "$package"_*.deb "$package"
done

mkdir music samples
albums=warzone2100-music/usr/share/games/warzone2100/music/albums
for album in aftermath legacy; do
    for track in "$albums/${album}_soundtrack"/*.opus; do
        # The original soundtrack, and this piece made of it, are under the GPL.
        case $track in */track3_enhanced.opus) continue ;; esac
        mv "$track" "music/$album-$(basename "$track")"
    done
    mv "$albums/${album}_soundtrack/license.txt" "music/LICENCE-$album"
done
mv sonic-pi-samples/usr/share/doc/sonic-pi-samples/copyright samples/LICENCE
# Those alone of which that file says so; the others are under the MIT licence.
awk '/^Files:/ { name = $2 } /^License:/ { if ($2 == "CC0") print name; name = "" }' samples/LICENCE |
    grep '^etc/samples/.*\.flac$' | while read -r name; do
    find sonic-pi-samples -name "$(basename "$name")" -exec mv {} samples/ \;
done
mv music samples "$folder"

cat <<END
$folder/music: $(ls "$folder/music" | grep -c opus) pieces, Warzone 2100's Aftermath (2021-2022) and
Legacy (2020) Soundtracks by LupusMechanicus, CC BY-SA 3.0 or later: a voice trained on them is under
the same licence, and names him (--licence, --set data.attribution).
$folder/samples: $(ls "$folder/samples" | grep -c flac) sounds of Sonic Pi, CC0 1.0.
The full texts lie beside them.
END
