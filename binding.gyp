# For a hand-typed "node-gyp rebuild": the build is CMakeLists.txt, and this only calls cmake-js. node-gyp
# owns build/, so CMake works in build/cmake and the result is copied to where the loader looks.
{
  "targets": [
    {
      "target_name": "onestep_by_cmake",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake_js",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["<(module_root_dir)/build/cmake/Release/onestep.node"],
          "action": [
            "node", "<!(node -p \"require.resolve('cmake-js/bin/cmake-js')\")", "build",
            "--directory", "<(module_root_dir)", "--out", "<(module_root_dir)/build/cmake", "--parallel", "2"
          ]
        }
      ]
    },
    {
      "target_name": "copy_onestep",
      "type": "none",
      "dependencies": ["onestep_by_cmake"],
      "copies": [
        {
          "destination": "<(module_root_dir)/build/Release",
          "files": ["<(module_root_dir)/build/cmake/Release/onestep.node"]
        }
      ]
    }
  ]
}
