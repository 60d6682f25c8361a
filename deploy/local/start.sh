# `npm start`: help needs nothing installed; everything else does.
case " $* " in
  *' --help '* | *' -h '*) exec cat deploy/local/usage.txt ;;
esac
node deploy/local/install.mjs || exit
# What was compiled is kept, as the services keep theirs: the screen is there a third of a second earlier.
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$PWD/node_modules/.cache/countersign/compiled}"
exec node_modules/.bin/node deploy/local/src/main.ts "$@"
